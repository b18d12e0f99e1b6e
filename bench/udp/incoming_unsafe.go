package udp

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchLen is how many messages are sent or received with one system call.
	batchLen = 64
	// maxAnswerBytes is the longest payload of UDP: whatever a server sends is seen
	// whole. Memory that no answer reaches is never touched.
	maxAnswerBytes = 65535

	cmsgDataAt  = unix.SizeofCmsghdr // its size is a multiple of its alignment
	cmsgLevelAt = int(unsafe.Offsetof(unix.Cmsghdr{}.Level))
	cmsgTypeAt  = int(unsafe.Offsetof(unix.Cmsghdr{}.Type))
	// cmsgAlign is what the length of a control message is rounded up to.
	cmsgAlign = unix.SizeofPtr
	// controlBytes are enough for a time stamp and either sort of pktinfo.
	controlBytes = 128
	stampBytes   = int(unsafe.Sizeof(unix.Timespec{}))
)

// incoming is the memory into which messages are received, allocated once. The kernel
// finds it by address, on which these invariants bear:
//
//  1. messages[i] points only into the slices of this value, which are made once, are
//     as long as the kernel is told, and never move (Go's heap doesn't).
//  2. Pointers are kept as pointers, so that the garbage collector sees them.
//  3. The kernel writes to this memory only during a call that is made here.
type incoming struct {
	messages []unix.Mmsghdr
	vectors  []unix.Iovec
	names    [][unix.SizeofSockaddrInet6]byte
	controls [][controlBytes]byte
	buffers  [][]byte
	named    bool // senders' addresses are asked for
	used     int  // messages[:used] were written to by the last receive
}

func newIncoming(named bool) *incoming {
	in := &incoming{
		messages: make([]unix.Mmsghdr, batchLen),
		vectors:  make([]unix.Iovec, batchLen),
		names:    make([][unix.SizeofSockaddrInet6]byte, batchLen),
		controls: make([][controlBytes]byte, batchLen),
		buffers:  make([][]byte, batchLen),
		named:    named,
		used:     batchLen,
	}
	// An odd number of cache lines apart, the first lines of the buffers, the only
	// ones that most answers touch, are in different cache sets.
	const stride = (maxAnswerBytes/64 | 1) * 64
	block := make([]byte, batchLen*stride+64)
	for i := range in.messages {
		in.buffers[i] = block[i*stride : i*stride+maxAnswerBytes : i*stride+maxAnswerBytes]
		in.vectors[i].Base = &in.buffers[i][0]
		in.vectors[i].SetLen(maxAnswerBytes)
		h := &in.messages[i].Hdr
		h.Iov = &in.vectors[i]
		h.SetIovlen(1)
		h.Control = &in.controls[i][0]
		if named {
			h.Name = &in.names[i][0]
		}
	}
	return in
}

// receive reads what is queued, up to batchLen messages. With an empty queue it
// returns EAGAIN. It never blocks, so the scheduler need not know.
func (in *incoming) receive(fd int) (n int, errno unix.Errno) {
	for i := range in.messages[:in.used] {
		h := &in.messages[i].Hdr
		h.SetControllen(controlBytes)
		if in.named {
			h.Namelen = unix.SizeofSockaddrInet6
		}
	}
	in.used = 1 // on failure the kernel may have begun with the first
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&in.messages[0])), batchLen, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	in.used = max(1, int(r))
	return int(r), 0
}

// message is message i of the last receive; it is good until the next.
func (in *incoming) message(i int) []byte {
	return in.buffers[i][:in.messages[i].Len]
}

// from is the address that message i came from, in the kernel's form.
func (in *incoming) from(i int) []byte {
	return in.names[i][:in.messages[i].Hdr.Namelen]
}

// control returns what the kernel tells of message i beside it: a time stamp in
// nanoseconds of the wall clock, 0 if there is none, and the address that it was
// sent to, if pktinfo has been asked for.
func (in *incoming) control(i int) (stamp int64, to []byte) {
	rest := in.controls[i][:in.messages[i].Hdr.Controllen]
	for len(rest) >= cmsgDataAt {
		length := int((*unix.Cmsghdr)(unsafe.Pointer(&rest[0])).Len)
		if length < cmsgDataAt || length > len(rest) {
			break
		}
		data := rest[cmsgDataAt:length]
		level := binary.NativeEndian.Uint32(rest[cmsgLevelAt:])
		kind := binary.NativeEndian.Uint32(rest[cmsgTypeAt:])
		switch {
		case level == unix.SOL_SOCKET && kind == unix.SCM_TIMESTAMPNS && len(data) >= stampBytes:
			time := (*unix.Timespec)(unsafe.Pointer(&data[0]))
			stamp = time.Nano()
		case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			to = data[8:12] // struct in_pktinfo: interface, local address, destination
		case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			to = data[:16]
		}
		rest = rest[min((length+cmsgAlign-1)&^(cmsgAlign-1), len(rest)):]
	}
	return stamp, to
}
