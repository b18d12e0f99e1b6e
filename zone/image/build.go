package image

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// Build names the build of the program that runs: two that could come to different
// zones have different names. It is the build ID that the Go command has put into the
// executable, and for those without one a checksum of it all. It doesn't
// change while the process runs, even if the executable is replaced.
func Build() (string, error) { return buildOf("/proc/self/exe") }

// buildOf is [Build] for the executable at path.
func buildOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("telling which build this is: %w", err)
	}
	defer f.Close()
	if id := buildID(f); id != "" {
		return id, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("telling which build this is: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// buildID returns what the Go command calls the executable, "" if nothing.
func buildID(f io.ReaderAt) string {
	const noteHeader = 12 + len("Go\x00\x00") // three lengths, and whose note it is
	executable, err := elf.NewFile(f)
	if err != nil {
		return ""
	}
	section := executable.Section(".note.go.buildid")
	if section == nil || section.Size > 1<<10 {
		return ""
	}
	note, err := section.Data()
	if err != nil || len(note) < noteHeader {
		return ""
	}
	size := executable.ByteOrder.Uint32(note[4:])
	if note = note[noteHeader:]; uint64(size) > uint64(len(note)) {
		return ""
	}
	return string(note[:size])
}
