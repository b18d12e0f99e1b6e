package cputime

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Used returns the time that all threads of the process have had so far.
func Used(tb testing.TB) time.Duration {
	tb.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
