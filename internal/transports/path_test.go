package transports

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// path is a network path between one client and a QUIC server.
type path struct {
	addr        netip.AddrPort // for the client
	front, back *net.UDPConn
	early       context.Context // ends with the client's first early data
	sawEarly    context.CancelFunc
	running     sync.WaitGroup
}

// newPath makes a path on which nothing comes back from the server before the client has sent
// early data: what it sends in its first flight is early for sure.
func newPath(t *testing.T, server netip.AddrPort) *path {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: server.Addr().AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		t.Fatal(err)
	}
	p := &path{addr: front.LocalAddr().(*net.UDPAddr).AddrPort(), front: front, back: back}
	p.early, p.sawEarly = context.WithCancel(context.Background())
	var client netip.AddrPort // known when early ends
	p.running.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := front.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			back.Write(buf[:n])
			if p.early.Err() == nil && hasEarlyData(buf[:n]) {
				client = from
				p.sawEarly()
			}
		}
	})
	p.running.Go(func() {
		<-p.early.Done()
		buf := make([]byte, 2048)
		for {
			n, err := back.Read(buf)
			if err != nil {
				return
			}
			if client.IsValid() {
				front.WriteToUDPAddrPort(buf[:n], client)
			}
		}
	})
	t.Cleanup(func() {
		front.Close()
		back.Close()
		p.sawEarly()
		p.running.Wait()
	})
	return p
}

// hasEarlyData reports whether one of the datagram's packets is of the type 0-RTT (RFC
// 9000 §17.2.3).
func hasEarlyData(datagram []byte) bool {
	for len(datagram) > 6 && datagram[0]&0x80 != 0 {
		const initial, zeroRTT = 0, 1
		kind := datagram[0] >> 4 & 3
		if kind == zeroRTT {
			return true
		}
		rest := datagram[5:] // behind the version
		for range 2 {        // the connection IDs
			if len(rest) == 0 || len(rest) < 1+int(rest[0]) {
				return false
			}
			rest = rest[1+int(rest[0]):]
		}
		if kind == initial {
			token, after, ok := varint(rest)
			if !ok || token > len(after) {
				return false
			}
			rest = after[token:]
		}
		length, after, ok := varint(rest)
		if !ok || length > len(after) {
			return false
		}
		datagram = after[length:]
	}
	return false
}

// varint reads an integer (RFC 9000 §16).
func varint(b []byte) (value int, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	n := 1 << (b[0] >> 6)
	if len(b) < n {
		return 0, nil, false
	}
	var full [8]byte
	copy(full[8-n:], b[:n])
	full[8-n] &= 0x3f
	return int(binary.BigEndian.Uint64(full[:])), b[n:], true
}
