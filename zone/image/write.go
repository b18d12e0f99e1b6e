package image

import (
	"context"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"yushan/zone"
)

// Write puts the image of a zone into the directory, in place of the one that may be
// there, which stays if there is an error. s is the zone; what h says of its origin
// and serial, and of when it is written, doesn't count. ctx ends it early. With
// [ErrBusy] nothing was tried.
func (d Directory) Write(ctx context.Context, h Header, s zone.Snapshot) error {
	path := d.Path(s.Origin)
	unlock, err := d.lock()
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer unlock()
	if err := write(ctx, path+temporary, h, s); err != nil {
		os.Remove(path + temporary)
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(path+temporary, path); err != nil {
		os.Remove(path + temporary)
		return err
	}
	return d.sync()
}

// write makes a whole file at path.
func write(ctx context.Context, path string, h Header, s zone.Snapshot) (err error) {
	os.Remove(path) // of a writer that was killed; or something that is not to be followed
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	// Whoever finds the file when this process is gone can tell whose it is; that it
	// has no format is why it is no image yet.
	if _, err := f.WriteAt([]byte(magic), 0); err != nil {
		return err
	}
	h.Origin, h.Serial, h.Written = s.Origin, s.Serial, time.Now()
	out := &head{Header: h, facts: s.Facts, data: lengths(s.Data), trees: lengths(s.Trees)}
	out.checksums = make([]uint32, blocksOf(out.memoryBytes()))
	// The head's size is known before the checksums are: it is written last, so
	// that until then this is no image.
	start, err := out.encode()
	if err != nil {
		return err
	}
	// A full disk shows before anything is written, where the file system can tell.
	total := int64(len(start)) + out.memoryBytes()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, total); err == unix.ENOSPC || err == unix.EDQUOT || err == unix.EFBIG {
		return fmt.Errorf("%d bytes: %w", total, err)
	}
	w := memoryWriter{ctx: ctx, f: f, at: int64(len(start)), checksums: out.checksums}
	for _, chunks := range [][][]byte{s.Data, s.Trees} {
		for _, chunk := range chunks {
			if err := w.write(chunk); err != nil {
				return err
			}
		}
	}
	if start, err = out.encode(); err != nil {
		return err
	}
	if _, err := f.WriteAt(start, 0); err != nil {
		return err
	}
	return f.Sync()
}

func lengths(chunks [][]byte) []uint32 {
	lengths := make([]uint32, len(chunks))
	for i, chunk := range chunks {
		lengths[i] = uint32(len(chunk))
	}
	return lengths
}

// memoryWriter writes memory to a file, and computes the checksums of its blocks.
type memoryWriter struct {
	ctx       context.Context
	f         *os.File
	at        int64 // in the file
	checksums []uint32
	block     int
	used      int // bytes of the block
}

// write writes at most a block at a time: who wants the processor, or the end of
// all this, never waits for long.
func (w *memoryWriter) write(b []byte) error {
	for len(b) > 0 {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		n := min(len(b), blockBytes-w.used)
		w.checksums[w.block] = crc32.Update(w.checksums[w.block], castagnoli, b[:n])
		if _, err := w.f.WriteAt(b[:n], w.at); err != nil {
			return err
		}
		w.at += int64(n)
		if w.used += n; w.used == blockBytes {
			w.block, w.used = w.block+1, 0
		}
		b = b[n:]
		runtime.Gosched()
	}
	return nil
}
