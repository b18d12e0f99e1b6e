package contender

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// Ports that a kernel gives to clients, as Linux and IANA have it, begin above these; so
// nobody gets one of these by chance.
const (
	firstPort = 10_000
	lastPort  = 32_767
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// freePorts returns three that were free a moment ago, for UDP and TCP.
func freePorts() (p Ports, err error) {
	taken := map[uint16]bool{}
	for _, to := range []*uint16{&p.DNS, &p.Secure, &p.Web} {
		for tries := 0; *to == 0; tries++ {
			port := uint16(firstPort + rand.IntN(lastPort-firstPort+1))
			if !taken[port] && isFree(port) {
				*to, taken[port] = port, true
			} else if tries == 1000 {
				return p, fmt.Errorf("no port from %d to %d is free on %s", firstPort, lastPort, loopback)
			}
		}
	}
	return p, nil
}

func isFree(port uint16) bool {
	at := netip.AddrPortFrom(loopback, port).String()
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
	return true
}
