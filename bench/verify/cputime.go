package verify

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is how long the thread has had a processor.
func threadTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
