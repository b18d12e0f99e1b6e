package udp

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchLen is how many queries are read, and answered, with one system call.
	batchLen = 64
	// maxQueryBytes is the longest query that is read. A client has no reason to
	// send more than the 1232 bytes that are announced to it (RFC 6891 §6.2.5).
	maxQueryBytes = 4096

	sockaddrLen  = unix.SizeofSockaddrInet6
	cmsgDataAt   = unix.SizeofCmsghdr // its size is a multiple of its alignment
	cmsgLevelAt  = int(unsafe.Offsetof(unix.Cmsghdr{}.Level))
	cmsgTypeAt   = int(unsafe.Offsetof(unix.Cmsghdr{}.Type))
	controlBytes = 64 // ≥ CMSG_SPACE of both sorts of pktinfo, a cache line
)

// batch is the memory of one worker's system calls: batchLen messages to receive
// and as many to send, allocated once. The kernel finds it by address, on which
// these invariants bear:
//
//  1. in[i] and out[i] point only into the slices of this batch, which are made
//     once, are as long as the kernel is told, and never move (Go's heap doesn't).
//  2. Pointers are kept as pointers, never as integers, so that the garbage
//     collector sees them.
//  3. The kernel writes to this memory only during a call made by this worker.
//
// A sender's address and the query's control message are received into
// names[i] and controls[i]; out[k] borrows them for the answer.
type batch struct {
	in, out  []unix.Mmsghdr
	inIOV    []unix.Iovec
	outIOV   []unix.Iovec
	names    [][sockaddrLen]byte
	controls [][controlBytes]byte
	queries  [][]byte // buffer of in[i]
	answers  [][]byte // buffer of out[k], maxBytes long

	controlLen int // what to tell the kernel: 0 without pktinfo
	is6        bool
	fresh      int // in[:fresh] were used by the last receive and must be set anew
	ready      int // out[:ready] wait for send
}

func newBatch(is6, pktinfo bool, maxBytes int) *batch {
	b := &batch{
		in: make([]unix.Mmsghdr, batchLen), out: make([]unix.Mmsghdr, batchLen),
		inIOV: make([]unix.Iovec, batchLen), outIOV: make([]unix.Iovec, batchLen),
		names: make([][sockaddrLen]byte, batchLen), controls: make([][controlBytes]byte, batchLen),
		queries: buffers(maxQueryBytes), answers: buffers(maxBytes),
		is6: is6, fresh: batchLen,
	}
	if pktinfo {
		b.controlLen = unix.CmsgSpace(unix.SizeofInet4Pktinfo)
		if is6 {
			b.controlLen = unix.CmsgSpace(unix.SizeofInet6Pktinfo)
		}
	}
	for i := range batchLen {
		b.inIOV[i].Base = &b.queries[i][0]
		b.inIOV[i].SetLen(maxQueryBytes)
		b.in[i].Hdr.Name = &b.names[i][0]
		b.in[i].Hdr.Iov = &b.inIOV[i]
		b.in[i].Hdr.SetIovlen(1)
		b.outIOV[i].Base = &b.answers[i][0]
		b.out[i].Hdr.Iov = &b.outIOV[i]
		b.out[i].Hdr.SetIovlen(1)
	}
	return b
}

// buffers cuts batchLen pieces of size bytes from one block. They begin an odd
// number of cache lines apart: a power of two would put the first lines of all of
// them, the only ones that most messages touch, into the same few cache sets.
func buffers(size int) [][]byte {
	const line = 64
	stride := ((size+line-1)/line | 1) * line
	block := make([]byte, batchLen*stride)
	pieces := make([][]byte, batchLen)
	for i := range pieces {
		pieces[i] = block[i*stride : i*stride+size : i*stride+size]
	}
	return pieces
}

// receive reads what is queued, up to batchLen messages. With an empty queue it
// returns EAGAIN at once.
func (b *batch) receive(fd int) (n int, errno unix.Errno) {
	return b.recvmmsg(fd, unix.MSG_DONTWAIT)
}

// receiveWait is like receive, but waits for the first message, for up to the
// socket's time-out, or until the socket is shut down. The scheduler doesn't know
// of it; a signal by which it asks for the thread ends it with EINTR.
func (b *batch) receiveWait(fd int) (n int, errno unix.Errno) {
	n, errno = b.recvmmsg(fd, unix.MSG_WAITFORONE)
	if n == 1 && b.in[0].Hdr.Namelen == 0 {
		// A socket that is shut down gives an empty message from nobody.
		return 0, unix.EAGAIN
	}
	return n, errno
}

func (b *batch) recvmmsg(fd, flags int) (n int, errno unix.Errno) {
	b.renew()
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.in[0])), batchLen, uintptr(flags), 0, 0)
	if errno != 0 {
		b.fresh = 1 // the kernel may have begun with the first
		return 0, errno
	}
	b.fresh = int(r)
	return int(r), 0
}

// renew undoes what the last receive wrote into the headers.
func (b *batch) renew() {
	for i := range b.in[:b.fresh] {
		h := &b.in[i].Hdr
		h.Namelen = sockaddrLen
		h.Flags = 0
		if b.controlLen > 0 {
			h.Control = &b.controls[i][0]
			h.SetControllen(b.controlLen)
		}
	}
	b.fresh = 0
}

// query is message i of the last receive. ok is false for one that cannot or
// should not be answered. client has no zone; the kernel's own form of the
// address, which the answer goes to, has it.
func (b *batch) query(i int) (wire []byte, client netip.AddrPort, ok bool) {
	m, name := &b.in[i], &b.names[i]
	wire = b.queries[i][:m.Len]
	// Port 0 is no port: an answer to it could not be sent.
	port := binary.BigEndian.Uint16(name[2:])
	if m.Hdr.Namelen == 0 || port == 0 || m.Hdr.Flags&unix.MSG_TRUNC != 0 {
		return wire, client, false
	}
	if b.is6 {
		return wire, netip.AddrPortFrom(netip.AddrFrom16([16]byte(name[8:24])), port), true
	}
	return wire, netip.AddrPortFrom(netip.AddrFrom4([4]byte(name[4:8])), port), true
}

// answer is where the next answer is to be written.
func (b *batch) answer() []byte { return b.answers[b.ready] }

// queue makes the n bytes in answer() the response to query i.
func (b *batch) queue(i, n int) {
	from, to := &b.in[i].Hdr, &b.out[b.ready].Hdr
	b.outIOV[b.ready].SetLen(n)
	to.Name, to.Namelen = from.Name, from.Namelen
	to.Control = nil
	to.SetControllen(0)
	if b.controlLen > 0 && b.turnAround(i) {
		to.Control = from.Control
		to.Controllen = from.Controllen
	}
	b.ready++
}

// turnAround makes the control message that came with query i one that sends the
// answer from the address asked. It reports false if there was none.
func (b *batch) turnAround(i int) bool {
	control := b.controls[i][:b.in[i].Hdr.Controllen]
	if len(control) < b.controlLen {
		return false
	}
	level := binary.NativeEndian.Uint32(control[cmsgLevelAt:])
	kind := binary.NativeEndian.Uint32(control[cmsgTypeAt:])
	data := control[cmsgDataAt:]
	switch {
	case !b.is6 && level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO:
		// struct in_pktinfo: interface, address to answer from, destination. The
		// kernel takes the second as source; interface 0 leaves the way to routing.
		clear(data[:4])
	case b.is6 && level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO:
		// struct in6_pktinfo: address, interface. fe80::/10 means nothing without one.
		if !(data[0] == 0xfe && data[1]&0xc0 == 0x80) {
			clear(data[16:20])
		}
	default:
		return false
	}
	return true
}

// send hands out[from:ready] to the kernel, without waiting. It returns how many
// went, or why the first didn't.
func (b *batch) send(fd, from int) (n int, errno unix.Errno) {
	r, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.out[from])), uintptr(b.ready-from), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}
