package udp

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"yushan/bench/query"
)

// outgoing is a batch of messages to be sent on one socket. Its memory is allocated
// once, and obeys the invariants of [incoming]; the messages lie one behind the other in
// block, so that a batch fits into the first cache.
type outgoing struct {
	messages []unix.Mmsghdr
	vectors  []unix.Iovec
	controls [][controlBytes]byte
	block    []byte
	name     []byte // the server, for sockets that aren't connected
	sourceAt int    // where in a control message the source address is

	used        int // bytes of block
	ready, sent int // messages[sent:ready] wait to be sent
}

// newOutgoing returns a batch for connected sockets or, with pktinfo, for sockets on
// which each message tells its own source.
func newOutgoing(pktinfo bool, server target) *outgoing {
	out := &outgoing{
		messages: make([]unix.Mmsghdr, batchLen),
		vectors:  make([]unix.Iovec, batchLen),
		controls: make([][controlBytes]byte, batchLen),
		block:    make([]byte, batchLen*query.MaxBytes),
	}
	out.name = server.name()
	template := unix.PktInfo4(&unix.Inet4Pktinfo{})
	out.sourceAt = cmsgDataAt + 4 // struct in_pktinfo: interface, local address, destination
	if server.addr.Addr().Is6() {
		template = unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: server.zone})
		out.sourceAt = cmsgDataAt
	}
	for i := range out.messages {
		h := &out.messages[i].Hdr
		h.Iov = &out.vectors[i]
		h.SetIovlen(1)
		if pktinfo {
			h.Name, h.Namelen = &out.name[0], uint32(len(out.name))
			h.Control = &out.controls[i][0]
			h.SetControllen(copy(out.controls[i][:], template))
		}
	}
	return out
}

// reset makes the batch empty.
func (out *outgoing) reset() { out.used, out.ready, out.sent = 0, 0, 0 }

// room is where the next message is to be written, at most query.MaxBytes.
func (out *outgoing) room() []byte { return out.block[out.used:] }

// add adds the n bytes in room to the batch.
func (out *outgoing) add(n int) {
	out.vectors[out.ready].Base = &out.block[out.used]
	out.vectors[out.ready].SetLen(n)
	out.used += n
	out.ready++
}

// from sets the source of the message that is added next, 4 or 16 bytes as the server's
// address.
func (out *outgoing) from(source []byte) {
	copy(out.controls[out.ready][out.sourceAt:], source)
}

// bytes is the length of message i.
func (out *outgoing) bytes(i int) int { return int(out.vectors[i].Len) }

// send gives messages[sent:ready] to the kernel, which takes some and may refuse the
// next. It never blocks, so the scheduler need not know; on the loopback interface,
// where a sender does the receiver's work, a batch takes some 0.1 ms.
func (out *outgoing) send(fd int) (n int, errno unix.Errno) {
	r, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&out.messages[out.sent])), uintptr(out.ready-out.sent), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	out.sent += int(r)
	return int(r), 0
}
