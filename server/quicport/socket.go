package quicport

import (
	"context"
	"hash/maphash"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// socketBufferBytes is asked for as receive and send buffer: a burst of a few
// thousand packets. quic-go would ask for more, and complain if it can't have it.
const socketBufferBytes = 7 << 20

// socket is the UDP socket under quic.Transport, which calls ReadBatch from one
// goroutine, and WriteMsgUDP from one of each connection. What these write is sent
// by one goroutine more, as many datagrams with one system call as have come
// together while it waited for a processor.
type socket struct {
	*net.UDPConn
	raw syscall.RawConn
	is6 bool

	// For ReadBatch.
	receiver *receiver
	tryRead  func(fd uintptr) bool // made once, as tryWrite
	messages []ipv4.Message
	got      int
	readErr  unix.Errno
	peers    peers
	opening  rate

	mu      sync.Mutex // guards what follows
	filling *sendBatch // what is to be sent next
	room    sync.Cond  // filling was emptied
	closed  bool

	wake     chan struct{} // filling isn't empty any more, or closed is set
	flushed  chan struct{} // closed when the sending goroutine has ended
	tryWrite func(fd uintptr) bool
	sending  *sendBatch
	sent     int // of its datagrams

	mark atomic.Pointer[mark] // that is on its way through the socket; mostly nil

	datagramsIn, bytesIn, datagramsOut, bytesOut, sendErrors, dropped atomic.Uint64
}

// openSocket binds a socket. Of packets that open connections, so many a second get
// through.
func openSocket(addr netip.AddrPort, openingPackets int) (*socket, error) {
	network := "udp4"
	if addr.Addr().Is6() {
		network = "udp6" // sets IPV6_V6ONLY
	}
	var listening net.ListenConfig
	conn, err := listening.ListenPacket(context.Background(), network, addr.String())
	if err != nil {
		return nil, err
	}
	s := &socket{
		UDPConn: conn.(*net.UDPConn),
		is6:     addr.Addr().Is6(),
		peers:   peers{seed: maphash.MakeSeed()},
		opening: rate{perSecond: float64(openingPackets)},
		filling: newSendBatch(),
		sending: newSendBatch(),
		wake:    make(chan struct{}, 1),
		flushed: make(chan struct{}),
	}
	s.room.L = &s.mu
	s.tryRead, s.tryWrite = s.readNow, s.writeNow
	if s.raw, err = s.SyscallConn(); err != nil {
		conn.Close()
		return nil, err
	}
	// What net.core.rmem_max doesn't permit isn't granted, and works, too.
	s.SetReadBuffer(socketBufferBytes)
	s.SetWriteBuffer(socketBufferBytes)
	go s.flush()
	return s, nil
}

// ReadBatch waits for datagrams. quic-go calls it instead of reading from the
// socket.
func (s *socket) ReadBatch(messages []ipv4.Message, _ int) (n int, err error) {
	if s.receiver == nil {
		s.receiver = newReceiver(len(messages))
	}
	s.messages = messages
	for n == 0 {
		if err := s.raw.Read(s.tryRead); err != nil {
			return 0, err
		}
		if s.readErr != 0 {
			return 0, os.NewSyscallError("recvmmsg", s.readErr)
		}
		n = s.sift(messages[:s.got])
	}
	return n, nil
}

// sift drops what opens connections too often, and closes the gaps.
func (s *socket) sift(messages []ipv4.Message) (kept int) {
	bytes := 0
	var now time.Time
	for i := range messages {
		m := &messages[i]
		bytes += m.N
		if m.N > 0 && m.Buffers[0][0]&longHeader != 0 {
			if now.IsZero() {
				now = time.Now()
			}
			if !s.opening.take(now) {
				s.dropped.Add(1)
				continue
			}
		} else if mark := s.mark.Load(); mark != nil && mark.is(m.Buffers[0][:m.N]) {
			mark.seen()
			continue
		}
		to := &messages[kept]
		if kept < i {
			// quic-go knows which buffer belongs to which message.
			to.N, to.NN, to.Flags = copy(to.Buffers[0], m.Buffers[0][:m.N]), copy(to.OOB, m.OOB[:m.NN]), m.Flags
		}
		to.Addr = s.peers.addr(&s.receiver.names[i], s.is6)
		kept++
	}
	s.datagramsIn.Add(uint64(len(messages)))
	s.bytesIn.Add(uint64(bytes))
	return kept
}

// longHeader is set in the first byte of packets that are sent before the handshake
// is complete (RFC 9000 §17.2).
const longHeader = 0x80

// rate permits so many events a second; what was not used in the last second may be
// used in this one.
type rate struct {
	perSecond float64
	used      float64
	at        time.Time
}

func (r *rate) take(now time.Time) bool {
	if now.After(r.at) {
		r.used = max(0, r.used-now.Sub(r.at).Seconds()*r.perSecond)
		r.at = now
	}
	if r.used+1 > r.perSecond {
		return false
	}
	r.used++
	return true
}

func (s *socket) readNow(fd uintptr) (done bool) {
	s.got, s.readErr = s.receiver.receive(fd, s.messages)
	return s.readErr != unix.EAGAIN
}

// WriteMsgUDP takes a datagram to be sent soon. It waits while there are too many.
// An error of the network is not reported: to QUIC it is a loss.
func (s *socket) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	s.mu.Lock()
	for !s.closed && !s.filling.fits(len(b)) {
		s.room.Wait()
	}
	if s.closed {
		s.mu.Unlock()
		return 0, 0, net.ErrClosed
	}
	added := s.filling.add(b, oob, addr, s.is6)
	first := added && s.filling.n == 1
	s.mu.Unlock()
	if !added {
		return 0, 0, os.NewSyscallError("sendmmsg", unix.EAFNOSUPPORT)
	}
	if first {
		s.signal()
	}
	return len(b), len(oob), nil
}

func (s *socket) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// flush sends what WriteMsgUDP takes, until the socket is closed.
func (s *socket) flush() {
	defer close(s.flushed)
	for range s.wake {
		// Whoever is ready to run may have something to send, too.
		runtime.Gosched()
		s.mu.Lock()
		s.filling, s.sending = s.sending, s.filling
		closed := s.closed
		s.room.Broadcast()
		s.mu.Unlock()

		s.sent = 0
		if s.raw.Write(s.tryWrite) != nil {
			s.sendErrors.Add(uint64(s.sending.n - s.sent))
		}
		s.sending.reset()
		if closed {
			return
		}
	}
}

// writeNow sends until all is sent, or the kernel has no room: then it is called
// again.
func (s *socket) writeNow(fd uintptr) (done bool) {
	b := s.sending
	for s.sent < b.n {
		n, errno := b.send(fd, s.sent)
		switch {
		case errno == unix.EAGAIN:
			return false
		case errno == unix.EINTR:
		case errno == unix.EIO && b.segments[s.sent] > 0:
			// An interface that doesn't compute checksums can't cut datagrams.
			s.sendErrors.Add(uint64(b.sendCut(fd, s.sent)))
			n = 1
		case errno != 0:
			s.sendErrors.Add(1)
			n = 1
		}
		packets, bytes := 0, 0
		for i := s.sent; i < s.sent+n; i++ {
			packets, bytes = packets+b.packets(i), bytes+b.length(i)
		}
		s.datagramsOut.Add(uint64(packets))
		s.bytesOut.Add(uint64(bytes))
		s.sent += n
	}
	return true
}

// Close sends what waits, unless the kernel has no room for it, and closes the
// socket.
func (s *socket) Close() error {
	s.mu.Lock()
	s.closed = true
	s.room.Broadcast()
	s.mu.Unlock()
	s.SetWriteDeadline(time.Now().Add(farewell))
	s.signal()
	<-s.flushed
	return s.UDPConn.Close()
}

// farewell is how long closing waits for room in the kernel's buffer.
const farewell = 100 * time.Millisecond

func (s *socket) addTo(sum *Counters) {
	sum.DatagramsIn = s.datagramsIn.Load()
	sum.BytesIn = s.bytesIn.Load()
	sum.DatagramsOut = s.datagramsOut.Load()
	sum.BytesOut = s.bytesOut.Load()
	sum.SendErrors = s.sendErrors.Load()
	sum.OpeningDropped = s.dropped.Load()
}

// peers remembers the net.Addr of those who send often, so that not each packet
// needs a new one. Nobody may change these.
type peers struct {
	seed  maphash.Seed
	slots [1024]struct {
		name [sockaddrLen]byte
		addr *net.UDPAddr
	}
}

func (p *peers) addr(name *[sockaddrLen]byte, is6 bool) *net.UDPAddr {
	if !is6 {
		clear(name[unix.SizeofSockaddrInet4:]) // another sender's
	} else {
		clear(name[4:8]) // flow information
	}
	slot := &p.slots[maphash.Comparable(p.seed, *name)%uint64(len(p.slots))]
	if slot.addr == nil || slot.name != *name {
		slot.name, slot.addr = *name, udpAddr(name, is6)
	}
	return slot.addr
}
