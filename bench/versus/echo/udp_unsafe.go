package echo

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch       = 64
	maxDatagram = 4096
)

// udpEcho is a socket and the memory of its system calls, which the kernel finds by
// address: messages[i] points to vectors[i], names[i] and through the vector to buffers[i],
// all of them slices of this value that are made once and never grow. The kernel writes to
// them during calls only.
type udpEcho struct {
	fd       int
	messages []unix.Mmsghdr
	vectors  []unix.Iovec
	names    []unix.RawSockaddrInet4
	buffers  [][maxDatagram + 64]byte // not a power of two, so that they don't share cache sets
}

func newUDP(at netip.AddrPort) (*udpEcho, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	e := &udpEcho{fd: fd, messages: make([]unix.Mmsghdr, batch), vectors: make([]unix.Iovec, batch),
		names: make([]unix.RawSockaddrInet4, batch), buffers: make([][maxDatagram + 64]byte, batch)}
	for i := range batch {
		e.vectors[i].Base = &e.buffers[i][0]
		h := &e.messages[i].Hdr
		h.Name = (*byte)(unsafe.Pointer(&e.names[i]))
		h.Iov = &e.vectors[i]
		h.SetIovlen(1)
	}
	return e, nil
}

// serve echoes until the socket is shut down.
func (e *udpEcho) serve() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer unix.Close(e.fd)
	for {
		for i := range e.messages {
			e.vectors[i].SetLen(maxDatagram)
			e.messages[i].Hdr.Namelen = unix.SizeofSockaddrInet4
		}
		r, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(e.fd), uintptr(unsafe.Pointer(&e.messages[0])), batch, unix.MSG_WAITFORONE, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return os.NewSyscallError("recvmmsg", errno)
		}
		n := int(r)
		if n == 1 && e.messages[0].Hdr.Namelen == 0 {
			return net.ErrClosed // an empty message from nobody: it was shut down
		}
		for i := range n {
			e.buffers[i][flagsAt] |= response
			e.vectors[i].SetLen(int(e.messages[i].Len))
		}
		for sent := 0; sent < n; {
			r, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(e.fd), uintptr(unsafe.Pointer(&e.messages[sent])), uintptr(n-sent), 0, 0, 0)
			switch {
			case errno == unix.EINTR:
			case errno != 0:
				sent++ // this one can't be sent
			default:
				sent += int(r)
			}
		}
	}
}
