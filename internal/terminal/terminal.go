package terminal

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Is tells whether w is a terminal.
func Is(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Rich tells whether w is a terminal on which lines can be written anew.
func Rich(w io.Writer) bool { return Is(w) && os.Getenv("TERM") != "dumb" }

// Colour tells whether w is a terminal whose user hasn't asked for no colours
// (NO_COLOR).
func Colour(w io.Writer) bool { return Is(w) && os.Getenv("NO_COLOR") == "" }
