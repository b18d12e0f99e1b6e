package query

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/miekg/dns"
)

// connection makes segments of one TCP connection to port 53.
type connection struct {
	t    *testing.T
	port layers.TCPPort
	next uint32
}

func (c *connection) frame(sequence uint32, data []byte, change func(tcp *layers.TCP)) packet {
	tcp := &layers.TCP{SrcPort: c.port, DstPort: 53, Seq: sequence, ACK: true, Window: 1000,
		Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindNop}}}
	if change != nil {
		change(tcp)
	}
	stack := []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv6), ipv6(layers.IPProtocolTCP), tcp}
	return packet{link: layers.LinkTypeEthernet, frame: frame(c.t, data, stack...)}
}

// syn opens the connection; its data, if any, is of RFC 7413.
func (c *connection) syn(data []byte) packet {
	p := c.frame(c.next, data, func(tcp *layers.TCP) { tcp.SYN, tcp.ACK = true, false })
	c.next += 1 + uint32(len(data))
	return p
}

// send is the next segment.
func (c *connection) send(data []byte) packet {
	p := c.frame(c.next, data, nil)
	c.next += uint32(len(data))
	return p
}

func TestReadPcapTCP(t *testing.T) {
	ask := func(name string) []byte {
		wire := question(t, name+".example.", dns.TypeA, nil)
		return append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	}
	a, b, c := ask("a"), ask("b"), ask("c")
	// The first byte of a length is 0, as is much else in a query: the middle of a query
	// is no reason to take it for another one.
	both := append(slices.Clone(a), b...)
	for _, test := range []struct {
		what string
		send func(c *connection) []packet
		want string
	}{
		{"one a segment", func(x *connection) []packet {
			return []packet{x.syn(nil), x.send(a), x.send(b), x.send(c)}
		}, "abc"},
		{"two in a segment", func(x *connection) []packet {
			return []packet{x.syn(nil), x.send(both), x.send(c)}
		}, "abc"},
		{"byte by byte", func(x *connection) []packet {
			packets := []packet{x.syn(nil)}
			for i := range both {
				packets = append(packets, x.send(both[i:i+1]))
			}
			return packets
		}, "ab"},
		{"data in the SYN", func(x *connection) []packet {
			return []packet{x.syn(a), x.send(b)}
		}, "ab"},
		{"sent again", func(x *connection) []packet {
			packets := []packet{x.syn(nil), x.send(both[:10])}
			return append(packets, packets[1], x.frame(x.next-5, both[5:], nil), x.frame(x.next-10, both[:10], nil),
				x.frame(x.next-10+uint32(len(both)), c, nil))
		}, "abc"},
		{"a lost segment", func(x *connection) []packet {
			packets := []packet{x.syn(nil), x.send(both[:20])}
			x.send(both[20:])
			return append(packets, x.send(c))
		}, "c"},
		{"a lost segment, and then the middle of a query", func(x *connection) []packet {
			packets := []packet{x.syn(nil)}
			x.send(both[:20])
			return append(packets, x.send(both[20:len(a)+10]), x.send(both[len(a)+10:]), x.send(c))
		}, "c"},
		{"from the middle", func(x *connection) []packet {
			return []packet{x.send(both[20:]), x.send(c), x.send(a)}
		}, "ca"},
		{"an early end", func(x *connection) []packet {
			return []packet{x.syn(nil), x.send(both[:len(both)-1])}
		}, "a"},
		{"a segment that is captured in part", func(x *connection) []packet {
			p := x.send(both)
			p.captured = len(p.frame) - len(b) + 3
			return []packet{p, x.send(c)}
		}, "ac"},
		{"sequence numbers that wrap around", func(x *connection) []packet {
			x.next = 1<<32 - 10
			return []packet{x.syn(nil), x.send(a), x.send(b), x.send(c)}
		}, "abc"},
		{"a port that is used again", func(x *connection) []packet {
			packets := []packet{x.syn(nil), x.send(both[:20])}
			x.next = 77
			return append(packets, x.syn(nil), x.send(b))
		}, "b"},
		{"closed, and used again", func(x *connection) []packet {
			packets := []packet{x.syn(nil), x.frame(x.next+1, a, func(tcp *layers.TCP) { tcp.FIN = true })}
			return append(packets, x.syn(nil), x.send(b))
		}, "ab"},
		{"keepalive", func(x *connection) []packet {
			packets := []packet{x.syn(nil), x.send(a)}
			return append(packets, x.frame(x.next-1, []byte{0}, nil), x.send(nil), x.send(b))
		}, "ab"},
	} {
		// What another connection sends in between doesn't matter.
		mine := test.send(&connection{t: t, port: 1000, next: 5_000_000})
		noise := &connection{t: t, port: 1001}
		packets := []packet{noise.syn(nil)}
		for _, p := range mine {
			packets = append(packets, noise.send([]byte{0}), p)
		}
		set, _, err := ReadPcap(bytes.NewReader(pcap(t, packets...)), "x", Options{})
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		var got string
		for _, q := range asked(set) {
			got += q[:1]
		}
		if got != test.want {
			t.Errorf("%s: queries %q, want %q", test.what, got, test.want)
		}
	}
}

func TestManyFlows(t *testing.T) {
	wire := question(t, "a.example.", dns.TypeA, nil)
	data := append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	f := flows{}
	n := 0
	for i := range 3 * maxFlows {
		s := segment{tcp: true, sequence: uint32(i), data: data}
		s.from = addrPort(fmt.Sprintf("[2001:db8::%x:%x]:1", i>>16, i&0xffff))
		f.add(&s, func([]byte) bool { n++; return true })
		if len(f) > maxFlows {
			t.Fatalf("%d connections are remembered", len(f))
		}
	}
	if n != 3*maxFlows {
		t.Errorf("%d queries of %d", n, 3*maxFlows)
	}
}
