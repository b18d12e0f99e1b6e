package server

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// fingerprint tells one content of a file from another without reading it.
type fingerprint struct {
	device, inode uint64
	size          int64
	mtime         time.Time
}

func fingerprintOf(info os.FileInfo) fingerprint {
	f := fingerprint{size: info.Size(), mtime: info.ModTime()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		f.device, f.inode = uint64(stat.Dev), stat.Ino
	}
	return f
}

// settled is how old a change must be for the next one to be sure to show in
// the mtime: file systems' clocks tick no slower than that.
const settled = 2 * time.Second

// files remembers what was opened while a zone was read, as it was then.
type files struct {
	mu     sync.Mutex // guards all below: $INCLUDE may be opened by any goroutine
	seen   map[string]fingerprint
	racing bool // one was changed so lately that another change might not show
}

func newFiles() *files { return &files{seen: map[string]fingerprint{}} }

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
	f.seen[path] = fingerprintOf(info)
	f.racing = f.racing || !info.Mode().IsRegular() || time.Since(info.ModTime()) < settled
	return file, nil
}

// unchanged tells whether all files still are what was read.
func (f *files) unchanged() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.racing || len(f.seen) == 0 {
		return false
	}
	for path, was := range f.seen {
		info, err := os.Stat(path)
		if err != nil || fingerprintOf(info) != was {
			return false
		}
	}
	return true
}
