package peer

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
)

// Ports that a kernel gives to clients, as Linux and IANA have it, begin above
// these; so nobody gets one of these by chance.
const (
	firstPort = 10_000
	lastPort  = 32_767
)

// FreePort returns a port that was free a moment ago for UDP and TCP on all of these
// addresses.
func FreePort(t testing.TB, addrs ...netip.Addr) uint16 {
	t.Helper()
	for range 1000 {
		port := uint16(firstPort + rand.IntN(lastPort-firstPort+1))
		if isFree(port, addrs) {
			return port
		}
	}
	t.Fatalf("no port from %d to %d is free on %v", firstPort, lastPort, addrs)
	return 0
}

func isFree(port uint16, addrs []netip.Addr) bool {
	for _, addr := range addrs {
		at := netip.AddrPortFrom(addr, port).String()
		tcp, err := net.Listen("tcp", at)
		if err != nil {
			return false
		}
		tcp.Close()
		udp, err := net.ListenPacket("udp", at)
		if err != nil {
			return false
		}
		udp.Close()
	}
	return true
}
