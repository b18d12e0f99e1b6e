package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildYushan builds this project's command into dir and returns its path: with the
// race detector if the test has it, else as [BuildReleased] does.
func BuildYushan(dir string) (program string, err error) {
	if !raceDetector {
		return BuildReleased(dir)
	}
	return build(filepath.Join(dir, "yushan"), nil, "-race")
}

// BuildReleased builds the command as it is released, whatever the test runs with: what
// it needs of memory and time is what a user's server needs.
func BuildReleased(dir string) (program string, err error) {
	return build(filepath.Join(dir, "yushan-released"), []string{"CGO_ENABLED=0"}, "-trimpath")
}

func build(program string, env []string, flags ...string) (string, error) {
	cmd := exec.Command("go", append(append([]string{"build", "-o", program}, flags...), "yushan/cmd/yushan")...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building yushan: %w\n%s", err, out)
	}
	return program, nil
}
