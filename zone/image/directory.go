package image

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"yushan/zone"
)

// Header says which zone an image is of, what it was made from, and by whom.
type Header struct {
	Origin  []byte // of the zone, in wire format and lower case
	Serial  uint32
	Written time.Time
	Build   string       // of the program that made the zone: see [Build]
	Sources []Source     // all files that were read to build the zone
	Report  *zone.Report // what was found meanwhile; warnings, since there is a zone
	Whole   bool         // the report is about all of the zone, not about what changed last
}

// Source is a file as it was when the zone was read from it.
type Source struct {
	Path          string
	Device, Inode uint64
	Size          int64 // bytes
	Modified      time.Time
	Changed       time.Time // content or attributes: nobody can set it back
}

// Directory is where images are. It need not exist before the first is written.
type Directory string

// Path returns where the image of the zone with the given origin, in wire format
// and lower case, is or would be: "tw.image". The root's is "@.image"; bytes that
// are not letters, digits, "-" or "_" are written as %XX.
func (d Directory) Path(origin []byte) string {
	var b strings.Builder
	for at := 0; origin[at] != 0; at += 1 + int(origin[at]) {
		if at > 0 {
			b.WriteByte('.')
		}
		for _, c := range origin[at+1 : at+1+int(origin[at])] {
			if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
	}
	name := b.String()
	switch {
	case name == "":
		name = "@"
	case len(name) > maxName:
		sum := sha256.Sum256(origin)
		name = "%" + hex.EncodeToString(sum[:]) // no name of a zone is written like that: %XX has capitals, and its length
	}
	return filepath.Join(string(d), name+suffix)
}

const (
	suffix    = ".image"
	temporary = ".new"  // behind the suffix, while it is written
	lockName  = ".lock" // no zone's name begins with a dot
	maxName   = 200     // bytes of a file's name without suffixes: file systems allow 255
)

// ErrBusy says that another process writes images in the directory.
var ErrBusy = errors.New("another process is writing images there")

// lock makes the directory if there is none, and keeps other writers out of it
// until unlock.
func (d Directory) lock() (unlock func(), err error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(string(d), lockName), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrBusy
		}
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// sync makes the names in the directory last.
func (d Directory) sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
