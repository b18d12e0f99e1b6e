package udp

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// queueDrops is how many datagrams the kernel had no room for in fd's receive
// buffer. The kernel writes at most as many bytes as it is told, into an array of
// this function.
func queueDrops(fd int) (uint32, error) {
	var info [unix.SK_MEMINFO_DROPS + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, os.NewSyscallError("getsockopt SO_MEMINFO", errno)
	}
	return info[unix.SK_MEMINFO_DROPS], nil
}
