package server

import (
	"context"
	"hash"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"yushan/zone/image"
)

// fingerprint tells one content of a file from another without reading it. Who
// copies files with their times (rsync -t, cp -p) sets the mtime, but nobody can
// set the ctime, which each change of content or attributes moves.
type fingerprint struct {
	device, inode uint64
	size          int64
	mtime, ctime  int64 // nanoseconds since 1970
}

func fingerprintOf(info os.FileInfo) fingerprint {
	f := fingerprint{size: info.Size(), mtime: info.ModTime().UnixNano(), ctime: info.ModTime().UnixNano()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		f.device, f.inode, f.ctime = uint64(stat.Dev), stat.Ino, stat.Ctim.Nano()
	}
	return f
}

// settled is how old a change must be for the next one to be sure to show in
// the ctime: file systems' clocks tick no slower than that.
const settled = 2 * time.Second

// files remembers what was opened while a zone was read, as it was then.
type files struct {
	mu       sync.Mutex // guards all below: $INCLUDE may be opened by any goroutine
	seen     map[string]fingerprint
	last     time.Time         // when one was opened
	racing   map[string]uint32 // those changed so lately that another change might not show: checksum of what was read
	volatile bool              // nothing can tell whether what was read is there still

	now func() time.Time // for tests, which cannot make files with an old ctime
}

func newFiles() *files {
	return &files{seen: map[string]fingerprint{}, racing: map[string]uint32{}, now: time.Now}
}

// filesOf returns the files that an image was made from.
func filesOf(sources []image.Source) *files {
	f := newFiles()
	for _, s := range sources {
		f.seen[s.Path] = fingerprint{s.Device, s.Inode, s.Size, s.Modified.UnixNano(), s.Changed.UnixNano()}
	}
	return f
}

// open is [os.Open] that remembers. The fingerprint is taken from the open
// file, so a change while it is read shows later.
func (f *files) open(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := fingerprintOf(info)
	if was, again := f.seen[path]; again && was != now || !info.Mode().IsRegular() {
		f.volatile = true
	}
	f.seen[path] = now
	f.last = f.now()
	if f.last.Sub(time.Unix(0, now.ctime)) < settled {
		f.racing[path] = 0
		return &summed{file: file, sum: newSum(), done: func(sum uint32) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.racing[path] = sum
		}}, nil
	}
	return file, nil
}

// unchanged tells whether all files still are what was read.
func (f *files) unchanged() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.racing) == 0 && !f.volatile && f.changed() == ""
}

// changed returns the path of a file that isn't what it was, "" if there is none.
// f.mu is held.
func (f *files) changed() string {
	if len(f.seen) == 0 {
		return "?"
	}
	for path, was := range f.seen {
		info, err := os.Stat(path)
		if err != nil || fingerprintOf(info) != was {
			return path
		}
	}
	return ""
}

// sources returns the files as an image names them, the one at path first.
func (f *files) sources(path string) (sources []image.Source) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p, was := range f.seen {
		sources = append(sources, image.Source{
			Path: p, Device: was.device, Inode: was.inode, Size: was.size, Modified: time.Unix(0, was.mtime), Changed: time.Unix(0, was.ctime),
		})
	}
	slices.SortFunc(sources, func(a, b image.Source) int {
		switch {
		case a.Path == path:
			return -1
		case b.Path == path:
			return 1
		}
		return strings.Compare(a.Path, b.Path)
	})
	return sources
}

// settle waits until changes of all files are sure to show, and tells whether
// they are what was read: it reads those again that could have changed unseen.
func (f *files) settle(ctx context.Context) bool {
	f.mu.Lock()
	racing, wait := maps.Clone(f.racing), time.Until(f.last.Add(settled))
	f.mu.Unlock()
	if len(racing) > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
	for path, sum := range racing {
		if now, err := checksumOf(ctx, path); err != nil || now != sum {
			return false
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.volatile || f.changed() != "" {
		return false
	}
	clear(f.racing)
	return true
}

func newSum() hash.Hash32 { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }

// checksumOf returns the checksum of the file at path.
func checksumOf(ctx context.Context, path string) (uint32, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	sum := newSum()
	for buf := make([]byte, 256<<10); ; {
		n, err := file.Read(buf)
		sum.Write(buf[:n])
		switch {
		case err == io.EOF:
			return sum.Sum32(), nil
		case err != nil:
			return 0, err
		case ctx.Err() != nil:
			return 0, ctx.Err()
		}
	}
}

// summed is a file that computes the checksum of what is read from it.
type summed struct {
	file *os.File
	sum  hash.Hash32
	done func(uint32) // called by Close
}

func (s *summed) Read(b []byte) (int, error) {
	n, err := s.file.Read(b)
	s.sum.Write(b[:n])
	return n, err
}

func (s *summed) Stat() (os.FileInfo, error) { return s.file.Stat() }

func (s *summed) Close() error {
	s.done(s.sum.Sum32())
	return s.file.Close()
}
