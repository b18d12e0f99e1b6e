package quicport

import (
	"encoding/binary"
	"net"
	"strconv"
	"unsafe"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	// batchLen is how many datagrams one system call sends at most.
	batchLen = 64
	// batchBytes is room for their payloads. quic-go gives up to 20 kB at once, to be
	// cut into packets by the kernel (UDP_SEGMENT).
	batchBytes = 96 << 10
	// controlBytes is room for the control messages that quic-go sends: source
	// address, ECN, and the size of segments.
	controlBytes = 128
	sockaddrLen  = unix.SizeofSockaddrInet6
)

// sendBatch is the memory of one sendmmsg: datagrams with their addresses. The
// kernel finds it by address, on which these invariants bear:
//
//  1. The headers point only into the slices of this batch, which are made once, are
//     as long as the kernel is told, and never move (Go's heap doesn't).
//  2. Pointers are kept as pointers, never as integers, so that the garbage
//     collector sees them.
//  3. The slices in headers[:n] aren't written to while the kernel may read them:
//     add is not called between the call of send and its return.
type sendBatch struct {
	headers  []unix.Mmsghdr
	iovecs   []unix.Iovec
	names    [][sockaddrLen]byte
	controls [][controlBytes]byte
	segments []int // length of the packets that the kernel cuts; 0: it doesn't
	lengths  []int // of the payloads
	payloads []byte

	n    int // of headers are filled
	used int // of payloads
}

func newSendBatch() *sendBatch {
	b := &sendBatch{
		headers: make([]unix.Mmsghdr, batchLen), iovecs: make([]unix.Iovec, batchLen),
		names: make([][sockaddrLen]byte, batchLen), controls: make([][controlBytes]byte, batchLen),
		segments: make([]int, batchLen), lengths: make([]int, batchLen), payloads: make([]byte, batchBytes),
	}
	for i := range batchLen {
		h := &b.headers[i].Hdr
		h.Name = &b.names[i][0]
		h.Iov = &b.iovecs[i]
		h.SetIovlen(1)
	}
	return b
}

// reset empties the batch.
func (b *sendBatch) reset() { b.n, b.used = 0, 0 }

// fits reports whether a payload of so many bytes can be added.
func (b *sendBatch) fits(bytes int) bool {
	return b.n < batchLen && bytes <= batchBytes-b.used
}

// add copies a datagram that fits into the batch. It reports false if the address
// or the control messages aren't of the sort that quic-go uses on such a socket.
func (b *sendBatch) add(payload, control []byte, to *net.UDPAddr, is6 bool) bool {
	i := b.n
	h := &b.headers[i].Hdr
	nameLen := putSockaddr(&b.names[i], to, is6)
	if nameLen == 0 || len(payload) == 0 || len(control) > controlBytes {
		return false
	}
	h.Namelen = uint32(nameLen)
	b.iovecs[i].Base = &b.payloads[b.used]
	b.lengths[i] = copy(b.payloads[b.used:], payload)
	b.iovecs[i].SetLen(b.lengths[i])
	b.segments[i] = segmentSize(control)
	if b.segments[i] >= len(payload) {
		// One packet: the kernel has less to do if it isn't asked to cut it.
		b.segments[i] = 0
		b.setControl(i, copyControl(b.controls[i][:], control))
	} else {
		b.setControl(i, copy(b.controls[i][:], control))
	}
	b.used += len(payload)
	b.n++
	return true
}

// setControl tells the kernel how long the control messages of datagram i are.
func (b *sendBatch) setControl(i, n int) {
	h := &b.headers[i].Hdr
	h.Control = nil
	if n > 0 {
		h.Control = &b.controls[i][0]
	}
	h.SetControllen(n)
}

// payload is that of datagram i, until it is cut.
func (b *sendBatch) payload(i int) []byte {
	return unsafe.Slice(b.iovecs[i].Base, b.lengths[i])
}

// length and packets are what datagram i is on the network.
func (b *sendBatch) length(i int) int { return b.lengths[i] }

func (b *sendBatch) packets(i int) int {
	if b.segments[i] == 0 {
		return 1
	}
	return (b.lengths[i] + b.segments[i] - 1) / b.segments[i]
}

// send hands the datagrams from the given one on to the kernel, without waiting. It
// returns how many went, or why the first didn't.
func (b *sendBatch) send(fd uintptr, from int) (n int, errno unix.Errno) {
	return b.sendSome(fd, from, b.n-from)
}

func (b *sendBatch) sendSome(fd uintptr, from, count int) (n int, errno unix.Errno) {
	r, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.headers[from])), uintptr(count), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// sendCut sends datagram i in the packets that the kernel was to cut it into, but
// can't, on this network. Those that it doesn't take are lost.
func (b *sendBatch) sendCut(fd uintptr, i int) (lost int) {
	whole, size := b.payload(i), b.segments[i]
	b.setControl(i, copyControl(b.controls[i][:], append([]byte(nil), b.controls[i][:b.headers[i].Hdr.Controllen]...)))
	for len(whole) > 0 {
		packet := whole[:min(size, len(whole))]
		whole = whole[len(packet):]
		b.iovecs[i].Base = &packet[0]
		b.iovecs[i].SetLen(len(packet))
		if _, errno := b.sendSome(fd, i, 1); errno != 0 {
			lost++
		}
	}
	return lost
}

// putSockaddr writes an address as the kernel reads it, and returns its length; 0
// if the address doesn't fit the socket's family.
func putSockaddr(name *[sockaddrLen]byte, to *net.UDPAddr, is6 bool) int {
	binary.BigEndian.PutUint16(name[2:], uint16(to.Port))
	if !is6 {
		ip := to.IP.To4()
		if ip == nil {
			return 0
		}
		binary.NativeEndian.PutUint16(name[:], unix.AF_INET)
		copy(name[4:8], ip)
		return unix.SizeofSockaddrInet4
	}
	if len(to.IP) != net.IPv6len {
		return 0
	}
	scope := 0
	if to.Zone != "" {
		var err error
		if scope, err = strconv.Atoi(to.Zone); err != nil {
			return 0
		}
	}
	binary.NativeEndian.PutUint16(name[:], unix.AF_INET6)
	clear(name[4:8]) // flow information
	copy(name[8:24], to.IP)
	binary.NativeEndian.PutUint32(name[24:], uint32(scope))
	return unix.SizeofSockaddrInet6
}

// udpAddr is the reverse of putSockaddr.
func udpAddr(name *[sockaddrLen]byte, is6 bool) *net.UDPAddr {
	addr := &net.UDPAddr{Port: int(binary.BigEndian.Uint16(name[2:]))}
	if !is6 {
		addr.IP = append(net.IP(nil), name[4:8]...)
		return addr
	}
	addr.IP = append(net.IP(nil), name[8:24]...)
	if scope := binary.NativeEndian.Uint32(name[24:]); scope != 0 {
		addr.Zone = strconv.Itoa(int(scope))
	}
	return addr
}

// segmentSize is what the control messages say about cutting; 0 if nothing.
func segmentSize(control []byte) int {
	for len(control) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return 0
		}
		if isSegmentSize(&header) && len(data) >= 2 {
			return int(binary.NativeEndian.Uint16(data))
		}
		control = rest
	}
	return 0
}

// copyControl copies control messages, but the one that says how to cut.
func copyControl(dst, control []byte) (n int) {
	for len(control) > 0 {
		header, _, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return n
		}
		if !isSegmentSize(&header) {
			n += copy(dst[n:], control[:len(control)-len(rest)])
		}
		control = rest
	}
	return n
}

func isSegmentSize(header *unix.Cmsghdr) bool {
	return header.Level == unix.IPPROTO_UDP && header.Type == unix.UDP_SEGMENT
}

// receiver is the memory of recvmmsg, to which the invariants of sendBatch apply. The
// kernel writes into buffers that the caller gives; the headers point to them during
// the call, and until the next one.
type receiver struct {
	headers []unix.Mmsghdr
	iovecs  []unix.Iovec
	names   [][sockaddrLen]byte
}

func newReceiver(n int) *receiver {
	return &receiver{
		headers: make([]unix.Mmsghdr, n), iovecs: make([]unix.Iovec, n), names: make([][sockaddrLen]byte, n),
	}
}

// receive reads what is queued into messages, no more than the receiver was made
// for, without waiting. Each has one buffer, and room for control messages.
func (r *receiver) receive(fd uintptr, messages []ipv4.Message) (n int, errno unix.Errno) {
	messages = messages[:min(len(messages), len(r.headers))]
	for i := range messages {
		m, h := &messages[i], &r.headers[i].Hdr
		r.iovecs[i].Base = &m.Buffers[0][0]
		r.iovecs[i].SetLen(len(m.Buffers[0]))
		h.Name, h.Namelen = &r.names[i][0], sockaddrLen
		h.Iov = &r.iovecs[i]
		h.SetIovlen(1)
		h.Control = &m.OOB[0]
		h.SetControllen(len(m.OOB))
		h.Flags = 0
	}
	got, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers[0])), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	for i := range int(got) {
		m, h := &messages[i], &r.headers[i]
		m.N, m.NN, m.Flags = int(h.Len), int(h.Hdr.Controllen), int(h.Hdr.Flags)
	}
	return int(got), 0
}
