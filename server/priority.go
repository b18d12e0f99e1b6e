package server

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// whenIdle runs work on a thread of its own, which ends with it, and which gets
// the processor and the disk when nobody else wants them, as far as the kernel can do that.
// It returns at once.
func whenIdle(work func()) {
	go func() {
		runtime.LockOSThread() // for good: the thread's priority is not for others
		const (
			thisThread  = 0
			lowest      = 19
			byProcess   = 1 // IOPRIO_WHO_PROCESS
			idle        = 3 // IOPRIO_CLASS_IDLE
			classShift  = 13
			noExtraData = 0
		)
		// Where these are not permitted the work is done all the same.
		_ = unix.Setpriority(unix.PRIO_PROCESS, thisThread, lowest)
		_, _, _ = unix.RawSyscall(unix.SYS_IOPRIO_SET, byProcess, thisThread, idle<<classShift|noExtraData)
		work()
	}()
}
