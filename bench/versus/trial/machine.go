package trial

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"yushan/bench/versus/outcome"
)

// Machine describes this one, of which so many processors may be used.
func Machine(processors int) outcome.Machine {
	m := outcome.Machine{System: runtime.GOOS, Cores: processors, Toolchain: runtime.Version()}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.System = unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:]) + ", " + unix.ByteSliceToString(name.Machine[:])
	}
	m.ID = machineID()
	m.Processor, _ = valueOf("/proc/cpuinfo", "model name")
	if total, found := valueOf("/proc/meminfo", "MemTotal"); found {
		kib, _ := strconv.ParseUint(strings.TrimSuffix(total, " kB"), 10, 64)
		m.MemoryBytes = kib << 10
	}
	return m
}

// machineID is the same each time on this machine, and tells nothing of it but that: a
// digest, since machine-id(5) is to be kept private. "" if the machine has none.
func machineID() string {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil || len(bytes.TrimSpace(id)) == 0 {
		return ""
	}
	mac := hmac.New(sha256.New, bytes.TrimSpace(id))
	mac.Write([]byte("yushan bench/compare"))
	return hex.EncodeToString(mac.Sum(nil))[:digestDigits]
}

const digestDigits = 16

// digest is of a file's bytes.
func digest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil))[:digestDigits], nil
}

// Revision is the commit that a checkout is at, with "-dirty" behind it if files differ from
// that; "" if it is none.
func Revision(ctx context.Context, checkout string) string {
	cmd := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12")
	cmd.Dir = checkout
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// valueOf reads a line "key: value" of a file in /proc.
func valueOf(path, key string) (value string, found bool) {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

// DNSPerfVersion is what dnsperf says of itself; "" if it says nothing.
func DNSPerfVersion(ctx context.Context, program string) string {
	out, _ := exec.CommandContext(ctx, program, "-h").CombinedOutput()
	if version := regexp.MustCompile(`(?m)^Version (\S+)$`).FindSubmatch(out); version != nil {
		return string(version[1])
	}
	return ""
}

// Processors are those that this process may run on.
func Processors() (list []int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			list = append(list, cpu)
		}
	}
	return list, nil
}

// Share divides processors among a server with so many workers and its client, as lists
// for taskset. Where there are too few, both are "": the kernel shares them out.
func Share(processors []int, workers int) (server, client string) {
	if len(processors) <= workers {
		return "", ""
	}
	return list(processors[:workers]), list(processors[workers:])
}

func list(processors []int) string {
	text := make([]string, len(processors))
	for i, p := range processors {
		text[i] = strconv.Itoa(p)
	}
	return strings.Join(text, ",")
}

// busy is the time that all processors have had anything to run, other machines of the
// host included (steal).
func busy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat is not understood: %q", line)
	}
	const idle, iowait, steal = 4, 5, 8 // proc_stat(5); guests are counted as user
	ticks := int64(0)
	for i := 1; i <= steal; i++ {
		if i != idle && i != iowait {
			n, err := strconv.ParseInt(fields[i], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("/proc/stat is not understood: %q", line)
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * (time.Second / 100), nil // USER_HZ
}

// ownTime is this process's.
func ownTime() time.Duration {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// watch tells what share of the machine others had.
type watch struct {
	began     time.Time
	busy, own time.Duration
}

func newWatch() watch {
	b, _ := busy()
	return watch{time.Now(), b, ownTime()}
}

// others is the share of all processors that was used by neither this process nor by those
// whose time is given; 0 to 1.
func (w watch) others(used time.Duration, processors int) float64 {
	b, err := busy()
	if err != nil || b == 0 {
		return 0
	}
	free := b - w.busy - used - (ownTime() - w.own)
	return min(max(0, free.Seconds()/(time.Since(w.began).Seconds()*float64(processors))), 1)
}
