package quicport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

func newTestSocket(t *testing.T, addr string) *socket {
	t.Helper()
	s, err := openSocket(netip.MustParseAddrPort(addr), 1000)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// plain is the standard library's socket, which knows nothing of batches.
func plain(t *testing.T, address string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(address)})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	conn.SetReadBuffer(4 << 20)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// control is a control message.
func control(level, kind int32, data []byte) []byte {
	b := make([]byte, unix.CmsgSpace(len(data)))
	binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(len(data))))
	binary.NativeEndian.PutUint32(b[8:], uint32(level))
	binary.NativeEndian.PutUint32(b[12:], uint32(kind))
	copy(b[unix.CmsgLen(0):], data)
	return b
}

func segments(size uint16) []byte {
	return control(unix.IPPROTO_UDP, unix.UDP_SEGMENT, binary.NativeEndian.AppendUint16(nil, size))
}

func TestSendsFromManyGoroutines(t *testing.T) {
	for _, family := range []struct{ own, peer string }{{"127.0.0.1:0", "127.0.0.1"}, {"[::1]:0", "::1"}} {
		s, peer := newTestSocket(t, family.own), plain(t, family.peer)
		const senders, each = 8, 200
		var sending sync.WaitGroup
		for sender := range senders {
			sending.Go(func() {
				for n := range each {
					text := fmt.Appendf(nil, "%d/%d", sender, n)
					if got, _, err := s.WriteMsgUDP(text, nil, peer.LocalAddr().(*net.UDPAddr)); err != nil || got != len(text) {
						t.Errorf("write: %d, %v", got, err)
					}
				}
			})
		}
		next := map[int]int{}
		buf := make([]byte, 2000)
		for range senders * each {
			n, err := peer.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			var sender, number int
			if _, err := fmt.Sscanf(string(buf[:n]), "%d/%d", &sender, &number); err != nil || number != next[sender] {
				t.Fatalf("%q: expected number %d of the sender, %v", buf[:n], next[sender], err)
			}
			next[sender]++
		}
		sending.Wait()
		var c Counters
		s.addTo(&c)
		if c.DatagramsOut != senders*each || c.SendErrors != 0 {
			t.Errorf("counters %+v: expected %d datagrams", c, senders*each)
		}
	}
}

// TestSegments has the kernel cut what is longer than a packet, and compares it with
// what sendCut does where the kernel can't.
func TestSegments(t *testing.T) {
	s, peer := newTestSocket(t, "127.0.0.1:0"), plain(t, "127.0.0.1")
	to := peer.LocalAddr().(*net.UDPAddr)
	whole := bytes.Repeat([]byte("0123456789"), 1000)
	receive := func(what string) {
		t.Helper()
		buf := make([]byte, 2000)
		for rest := whole; len(rest) > 0; {
			n, err := peer.Read(buf)
			want := rest[:min(1200, len(rest))]
			if err != nil || !bytes.Equal(buf[:n], want) {
				t.Fatalf("%s: %d bytes, %v: expected %d", what, n, err, len(want))
			}
			rest = rest[len(want):]
		}
	}
	if _, _, err := s.WriteMsgUDP(whole, segments(1200), to); err != nil {
		t.Fatal(err)
	}
	receive("cut by the kernel")
	var c Counters
	eventually(t, "the count", func() bool { c = Counters{}; s.addTo(&c); return c.DatagramsOut == 9 && c.BytesOut == 10_000 })

	b := newSendBatch()
	tos := control(unix.IPPROTO_IP, unix.IP_TOS, []byte{2})
	if !b.add(whole, append(segments(1200), tos...), to, false) || b.segments[0] != 1200 {
		t.Fatalf("add: segments of %d bytes, expected 1200", b.segments[0])
	}
	if err := s.raw.Control(func(fd uintptr) {
		if lost := b.sendCut(fd, 0); lost != 0 {
			t.Errorf("%d packets lost", lost)
		}
	}); err != nil {
		t.Fatal(err)
	}
	receive("cut by sendCut")

	// A single packet isn't to be cut; what else is said of it stays.
	b.reset()
	if !b.add(whole[:100], append(segments(1200), tos...), to, false) || b.segments[0] != 0 || int(b.headers[0].Hdr.Controllen) != len(tos) {
		t.Errorf("a packet of 100 bytes: segments of %d bytes, %d bytes of control messages", b.segments[0], b.headers[0].Hdr.Controllen)
	}
}

func TestBatchIsLimited(t *testing.T) {
	b := newSendBatch()
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
	for n := range batchLen {
		if !b.fits(1) || !b.add([]byte{1}, nil, to, false) {
			t.Fatalf("datagram %d doesn't fit", n)
		}
	}
	if b.fits(1) {
		t.Errorf("%d datagrams fit", batchLen+1)
	}
	b.reset()
	b.add(make([]byte, batchBytes-1), nil, to, false)
	if !b.fits(1) || b.fits(2) {
		t.Errorf("with %d of %d bytes used: 1 fits %v, 2 fit %v", b.used, batchBytes, b.fits(1), b.fits(2))
	}
	if b.add([]byte{1}, nil, &net.UDPAddr{IP: net.IPv6loopback, Port: 9}, false) {
		t.Errorf("an IPv6 address is accepted for an IPv4 socket")
	}
}

func TestReceives(t *testing.T) {
	for _, family := range []struct{ own, peer string }{{"127.0.0.1:0", "127.0.0.1"}, {"[::1]:0", "::1"}} {
		s, peer := newTestSocket(t, family.own), plain(t, family.peer)
		messages := make([]ipv4.Message, 8)
		for i := range messages {
			messages[i].Buffers, messages[i].OOB = [][]byte{make([]byte, 1500)}, make([]byte, 128)
		}
		addrs := map[net.Addr]int{}
		for round := range 50 {
			const burst = 10 // longer than a batch
			for i := range burst {
				if _, err := peer.WriteTo(fmt.Appendf(nil, "%d/%d", round, i), s.LocalAddr()); err != nil {
					t.Fatal(err)
				}
			}
			for got := 0; got < burst; {
				n, err := s.ReadBatch(messages, 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range messages[:n] {
					want := fmt.Sprintf("%d/%d", round, got)
					if text := string(m.Buffers[0][:m.N]); text != want || m.Addr.String() != peer.LocalAddr().String() {
						t.Fatalf("%q from %v: expected %q from %v", text, m.Addr, want, peer.LocalAddr())
					}
					addrs[m.Addr]++
					got++
				}
			}
		}
		if len(addrs) != 1 {
			t.Errorf("%d addresses were made for one peer", len(addrs))
		}
	}
}

func TestPeersForgetCollisions(t *testing.T) {
	var p peers
	p.seed = newTestSocket(t, "127.0.0.1:0").peers.seed
	for n := range 5000 {
		var name [sockaddrLen]byte
		want := &net.UDPAddr{IP: net.IPv4(127, 0, byte(n>>8), byte(n)).To4(), Port: n + 1}
		putSockaddr(&name, want, false)
		name[20] = byte(n) // another sender's remains
		if got := p.addr(&name, false); got.String() != want.String() {
			t.Fatalf("%v is taken for %v", want, got)
		}
	}
	var name [sockaddrLen]byte
	want := &net.UDPAddr{IP: net.ParseIP("fe80::1"), Port: 853, Zone: "7"}
	if putSockaddr(&name, want, true) == 0 || p.addr(&name, true).String() != want.String() {
		t.Errorf("%v comes back as %v", want, p.addr(&name, true))
	}
}

func TestCloseSendsWhatWaits(t *testing.T) {
	for range 50 {
		s, peer := newTestSocket(t, "127.0.0.1:0"), plain(t, "127.0.0.1")
		if _, _, err := s.WriteMsgUDP([]byte("last"), nil, peer.LocalAddr().(*net.UDPAddr)); err != nil {
			t.Fatal(err)
		}
		s.Close()
		buf := make([]byte, 10)
		if n, err := peer.Read(buf); err != nil || string(buf[:n]) != "last" {
			t.Fatalf("%q, %v", buf[:n], err)
		}
		if _, _, err := s.WriteMsgUDP([]byte("later"), nil, peer.LocalAddr().(*net.UDPAddr)); err == nil {
			t.Fatal("a closed socket takes datagrams")
		}
	}
}

// TestSift mixes packets of handshakes, of which two get through, with others.
func TestSift(t *testing.T) {
	s, peer := newTestSocket(t, "127.0.0.1:0"), plain(t, "127.0.0.1")
	s.opening = rate{perSecond: 2, at: time.Now().Add(time.Hour)} // so that nothing is given back
	messages := make([]ipv4.Message, 8)
	for i := range messages {
		messages[i].Buffers, messages[i].OOB = [][]byte{make([]byte, 1500)}, make([]byte, 128)
	}
	sent := []string{"\xc01", "\x402", "\xc03", "\xc04", "\xc05", "\x406", "\xc07", "\x408"}
	for _, text := range sent {
		if _, err := peer.WriteTo([]byte(text), s.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for len(got) < 5 {
		n, err := s.ReadBatch(messages, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages[:n] {
			got = append(got, string(m.Buffers[0][:m.N]))
			if m.Addr.String() != peer.LocalAddr().String() {
				t.Errorf("%q is from %v, expected %v", got[len(got)-1], m.Addr, peer.LocalAddr())
			}
		}
	}
	if want := []string{"\xc01", "\x402", "\xc03", "\x406", "\x408"}; !slices.Equal(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	if n := s.dropped.Load(); n != 3 {
		t.Errorf("%d dropped, expected 3", n)
	}
}

func TestRate(t *testing.T) {
	r := rate{perSecond: 10}
	now := time.Unix(1000, 0)
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 10}, {0, 0}, {500 * time.Millisecond, 5}, {time.Hour, 10}, {100 * time.Millisecond, 1}} {
		now = now.Add(step.after)
		got := 0
		for r.take(now) {
			got++
		}
		if got != step.want {
			t.Errorf("%d permitted %v later, expected %d", got, step.after, step.want)
		}
	}
}
