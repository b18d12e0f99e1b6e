package udp

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shortSleep is how long a thread may sleep without the scheduler's knowledge, which
// keeps its P meanwhile: a stop of the world waits for it. An announced call can lose
// the P, and come back late.
const shortSleep = 100 * time.Microsecond

// sleep sleeps for that long, which it reports as true, or until fd is readable (none if
// it is negative). A signal ends it early, too.
func sleep(fd int, d time.Duration) (whole bool) {
	timeout := unix.NsecToTimespec(int64(d))
	polled := unix.PollFd{Fd: int32(fd), Events: unix.POLLIN} // negative ones are ignored
	var n uintptr
	var errno unix.Errno
	// Both are on this stack, which doesn't move during the call.
	if d <= shortSleep {
		n, _, errno = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&polled)), 1, uintptr(unsafe.Pointer(&timeout)), 0, 0, 0)
	} else {
		n, _, errno = unix.Syscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&polled)), 1, uintptr(unsafe.Pointer(&timeout)), 0, 0, 0)
	}
	return n == 0 && errno == 0
}

// poll returns how many of events have been set: what is ready at this moment.
func poll(epoll int, events []unix.EpollEvent) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// queueDrops is how many datagrams the kernel had no room for in fd's receive buffer.
func queueDrops(fd int) (uint32, error) {
	// The kernel writes at most as many bytes as it is told.
	var info [unix.SK_MEMINFO_DROPS + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, os.NewSyscallError("getsockopt SO_MEMINFO", errno)
	}
	return info[unix.SK_MEMINFO_DROPS], nil
}
