package image

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"yushan/zone"
	"yushan/zone/arena"
)

// Image is an open file whose head has been read. It is to be closed.
type Image struct {
	Header
	file *os.File
	head *head
	at   int64 // where the memory begins
}

// Open opens the image of the zone with the given origin, in wire format and lower
// case. An error that is not [io/fs.ErrNotExist] says why the file is of no use:
// another version, another zone, damaged, not ours.
func (d Directory) Open(origin []byte) (*Image, error) {
	path := d.Path(origin)
	// Not blocking: it might be a pipe.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	i, err := open(f)
	if err == nil && string(i.Origin) != string(origin) {
		err = errors.New("it is of another zone")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return i, nil
}

func open(f *os.File) (*Image, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := trusted(info); err != nil {
		return nil, err
	}
	var start [fixedBytes]byte
	if _, err := f.ReadAt(start[:], 0); err != nil && err != io.EOF {
		return nil, err
	}
	fixed, err := decodeFixed(start[:])
	if err != nil {
		return nil, err
	}
	if fixed.fileBytes != info.Size() || memoryAt(fixed.headBytes) > info.Size() {
		return nil, fmt.Errorf("it is %d bytes long and should have %d", info.Size(), fixed.fileBytes)
	}
	b := make([]byte, fixed.headBytes)
	if _, err := f.ReadAt(b, fixedBytes); err != nil {
		return nil, err
	}
	if checksumOf(start[:fixedBytes-4], b) != fixed.checksum {
		return nil, errors.New("its head is damaged: the checksum is wrong")
	}
	h, err := decodeHead(fixed, b)
	if err != nil {
		return nil, err
	}
	return &Image{h.Header, f, h, memoryAt(fixed.headBytes)}, nil
}

// trusted tells whether nobody else can have written the file.
func trusted(info os.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return errors.New("it is no ordinary file")
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others may write it: its mode is %04o, expected 0600", info.Mode().Perm())
	case !ok || stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("it belongs to user %d, not to %d", stat.Uid, os.Geteuid())
	}
	return nil
}

// Close closes the file. Zones that came from it stay.
func (i *Image) Close() error { return i.file.Close() }

// Bytes is how much memory the zone takes.
func (i *Image) Bytes() int64 { return i.head.memoryBytes() }

// Load reads the zone. Of its memory the checksums are verified, and the apex: see
// the package's comment on trust. ctx ends it early.
func (i *Image) Load(ctx context.Context) (*zone.Zone, error) {
	return i.load(ctx, zone.Restore)
}

// LoadVerified is Load that verifies all of the memory.
func (i *Image) LoadVerified(ctx context.Context) (*zone.Zone, error) {
	return i.load(ctx, func(s zone.Snapshot) (*zone.Zone, error) { return zone.RestoreVerified(ctx, s) })
}

func (i *Image) load(ctx context.Context, restore func(zone.Snapshot) (*zone.Zone, error)) (*zone.Zone, error) {
	memory, err := i.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", i.file.Name(), err)
	}
	s := zone.Snapshot{Origin: i.Origin, Serial: i.Serial, Facts: i.head.facts}
	for _, list := range []struct {
		lengths []uint32
		chunks  *[][]byte
	}{{i.head.data, &s.Data}, {i.head.trees, &s.Trees}} {
		for _, n := range list.lengths {
			*list.chunks = append(*list.chunks, memory[:n:n])
			memory = memory[n:]
		}
	}
	z, err := restore(s)
	if err != nil {
		return nil, fmt.Errorf("%s: its memory is damaged: %w", i.file.Name(), err)
	}
	return z, nil
}

// runBlocks is how many blocks a goroutine reads at a time: those of one huge page.
const runBlocks = 2 << 20 / blockBytes

// read reads the memory on all processors, and verifies its checksums.
func (i *Image) read(ctx context.Context) ([]byte, error) {
	memory := arena.Memory(int(i.head.memoryBytes()))
	g, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for {
				first := int(next.Add(runBlocks)) - runBlocks
				if first >= len(i.head.checksums) {
					return ctx.Err()
				}
				for block := first; block < min(first+runBlocks, len(i.head.checksums)); block++ {
					if err := ctx.Err(); err != nil {
						return err
					}
					at := block * blockBytes
					b := memory[at:min(at+blockBytes, len(memory))]
					if _, err := i.file.ReadAt(b, i.at+int64(at)); err != nil {
						if errors.Is(err, io.EOF) {
							return errors.New("it has been truncated")
						}
						return err
					}
					if crc32.Checksum(b, castagnoli) != i.head.checksums[block] {
						return fmt.Errorf("it is damaged: the checksum of bytes %d to %d is wrong", i.at+int64(at), i.at+int64(at+len(b)))
					}
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return memory, nil
}
