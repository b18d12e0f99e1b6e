package procstat

import (
	"time"

	"golang.org/x/sys/unix"
)

// OwnCPU is the time that this process has had on processors, 0 if the kernel doesn't tell.
func OwnCPU() time.Duration { return usage(unix.RUSAGE_SELF) }

// ThreadCPU is that of the calling thread: the caller must be locked to it.
func ThreadCPU() time.Duration { return usage(unix.RUSAGE_THREAD) }

func usage(who int) time.Duration {
	var usage unix.Rusage
	if unix.Getrusage(who, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
