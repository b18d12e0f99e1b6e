package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// GoTool returns the path of a Go program that tests start, and builds it when it
// is needed for the first time. pkg is its package with a version, as go install
// has it: "example.org/cmd/name@v1.2.3". The binary is kept in the user's cache
// folder. Where it cannot be built the test ends as with [Missing].
func GoTool(t testing.TB, pkg string) string {
	t.Helper()
	program, err := goTool(pkg)
	if err != nil {
		Missing(t, err.Error())
	}
	return program
}

func goTool(pkg string) (program string, err error) {
	name, version, ok := strings.Cut(pkg, "@")
	if !ok {
		return "", fmt.Errorf("program %s: a version is missing", pkg)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "yushan-tools", strings.ReplaceAll(name, "/", "+")+"@"+version)
	program = filepath.Join(dir, path.Base(name))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Tests of several packages run at once, each in a process of its own.
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close() // which unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	// go install puts the binary where it belongs in one step, when it is complete.
	cmd := exec.Command("go", "install", pkg)
	cmd.Dir = dir // no module, whose go.mod would matter
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install %s: %v\n%s", pkg, err, out)
	}
	return program, nil
}
