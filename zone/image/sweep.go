package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Sweep removes the images for whose paths, as [Directory.Path] gives them, wanted
// says false, and what killed writers of such images have left. It returns the
// paths of what it has removed. All else in the directory stays: files of other
// users, without an image's name, or without its first bytes, whatever its
// version. With [ErrBusy] nothing was removed.
func (d Directory) Sweep(wanted func(path string) bool) (removed []string, err error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for images that nobody wants: %w", err)
	}
	var unwanted []string
	for _, entry := range entries {
		path := filepath.Join(string(d), entry.Name())
		image := strings.TrimSuffix(path, temporary)
		if strings.HasSuffix(image, suffix) && !wanted(image) && isOurs(path) {
			unwanted = append(unwanted, path)
		}
	}
	if len(unwanted) == 0 {
		return nil, nil
	}
	unlock, err := d.lock()
	if err != nil {
		return nil, fmt.Errorf("removing images that nobody wants: %w", err)
	}
	defer unlock()
	var errs []error
	for _, path := range unwanted {
		if wanted(strings.TrimSuffix(path, temporary)) { // by now
			continue
		}
		if err := os.Remove(path); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, path)
	}
	if err := d.sync(); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return removed, fmt.Errorf("removing images that nobody wants: %w", err)
	}
	return removed, nil
}

// isOurs tells whether the file begins as an image does, and nobody else can have
// written it.
func isOurs(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || trusted(info) != nil {
		return false
	}
	var start [len(magic)]byte
	_, err = io.ReadFull(f, start[:])
	return err == nil && string(start[:]) == magic
}
