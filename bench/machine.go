package bench

import (
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"yushan/bench/result"
)

// machine describes the machine that this process runs on.
func machine() result.Machine {
	m := result.Machine{System: runtime.GOOS, Cores: runtime.NumCPU()}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.System = unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
	}
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == "model name" {
			m.Processor = strings.TrimSpace(value)
			break
		}
	}
	return m
}
