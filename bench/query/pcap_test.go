package query

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/miekg/dns"
)

// question packs a query with RD.
func question(t testing.TB, name string, qtype uint16, change func(m *dns.Msg)) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, qtype)
	if change != nil {
		change(m)
	}
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// frame packs layers, which end with UDP or TCP, and data.
func frame(t testing.TB, data []byte, stack ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buffer := gopacket.NewSerializeBuffer()
	var network gopacket.NetworkLayer
	for _, layer := range stack {
		switch layer := layer.(type) {
		case gopacket.NetworkLayer:
			network = layer
		case interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}:
			if err := layer.SetNetworkLayerForChecksum(network); err != nil {
				t.Fatal(err)
			}
		}
	}
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	stack = append(stack, gopacket.Payload(data))
	if err := gopacket.SerializeLayers(buffer, options, stack...); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// Layers of most packets. They are made anew, since packing changes them.
func ether(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: make(net.HardwareAddr, 6), DstMAC: make(net.HardwareAddr, 6), EthernetType: kind}
}

func ipv4(protocol layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: protocol, SrcIP: net.IP{192, 0, 2, 1}, DstIP: net.IP{192, 0, 2, 53}}
}

func ipv6(next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: next, SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::53")}
}

func udp(port layers.UDPPort) *layers.UDP { return &layers.UDP{SrcPort: 5353, DstPort: port} }

// plain is a query over UDP and IPv4 in Ethernet.
func plain(t testing.TB, data []byte) []byte {
	return frame(t, data, ether(layers.EthernetTypeIPv4), ipv4(layers.IPProtocolUDP), udp(53))
}

// packet is a frame of a kind, of which the first bytes were captured.
type packet struct {
	link     layers.LinkType
	frame    []byte
	captured int // 0: all
}

func (p *packet) info(link int) (gopacket.CaptureInfo, []byte) {
	n := len(p.frame)
	if p.captured != 0 {
		n = p.captured
	}
	return gopacket.CaptureInfo{Timestamp: time.Unix(1, 0), CaptureLength: n, Length: len(p.frame), InterfaceIndex: link}, p.frame[:n]
}

// pcap writes a capture.
func pcap(t testing.TB, packets ...packet) []byte {
	t.Helper()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	link := layers.LinkTypeEthernet
	if len(packets) > 0 {
		link = packets[0].link
	}
	if err := w.WriteFileHeader(65535, link); err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if err := w.WritePacket(p.info(0)); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

// pcapng writes one with an interface for each kind of frame.
func pcapng(t testing.TB, packets ...packet) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := pcapgo.NewNgWriter(&file, packets[0].link)
	if err != nil {
		t.Fatal(err)
	}
	interfaces := map[layers.LinkType]int{packets[0].link: 0}
	for _, p := range packets {
		id, ok := interfaces[p.link]
		if !ok {
			if id, err = w.AddInterface(pcapgo.NgInterface{LinkType: p.link}); err != nil {
				t.Fatal(err)
			}
			interfaces[p.link] = id
		}
		if err := w.WritePacket(p.info(id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// links is one query in each kind of frame, named after it.
func links(t testing.TB) (packets []packet, want []string) {
	add := func(name string, link layers.LinkType, prefix []byte, stack ...gopacket.SerializableLayer) {
		data := frame(t, question(t, name+".example.", dns.TypeA, nil), stack...)
		packets = append(packets, packet{link: link, frame: append(prefix, data...)})
		want = append(want, name+".example. A A")
	}
	v4, v6 := layers.IPProtocolUDP, layers.IPProtocolUDP
	add("ethernet4", layers.LinkTypeEthernet, nil, ether(layers.EthernetTypeIPv4), ipv4(v4), udp(53))
	add("ethernet6", layers.LinkTypeEthernet, nil, ether(layers.EthernetTypeIPv6), ipv6(v6), udp(53))
	add("vlan", layers.LinkTypeEthernet, nil, ether(layers.EthernetTypeDot1Q),
		&layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeIPv6}, ipv6(v6), udp(53))
	add("qinq", layers.LinkTypeEthernet, nil, ether(layers.EthernetTypeQinQ),
		&layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeDot1Q},
		&layers.Dot1Q{VLANIdentifier: 8, Type: layers.EthernetTypeIPv4}, ipv4(v4), udp(53))
	add("pppoe", layers.LinkTypeEthernet, nil, ether(layers.EthernetTypePPPoESession),
		&layers.PPPoE{Version: 1, Type: 1, SessionId: 1}, &layers.PPP{PPPType: layers.PPPTypeIPv4, HasPPTPHeader: false}, ipv4(v4), udp(53))
	add("raw4", layers.LinkTypeRaw, nil, ipv4(v4), udp(53))
	add("raw6", layers.LinkTypeRaw, nil, ipv6(v6), udp(53))
	add("dltraw", linkRaw12, nil, ipv4(v4), udp(53))
	add("ipv4", layers.LinkTypeIPv4, nil, ipv4(v4), udp(53))
	add("ipv6", linkIPv6, nil, ipv6(v6), udp(53))
	add("null", layers.LinkTypeNull, []byte{2, 0, 0, 0}, ipv4(v4), udp(53))
	add("loop", layers.LinkTypeLoop, []byte{0, 0, 0, 30}, ipv6(v6), udp(53))
	add("sll", layers.LinkTypeLinuxSLL, []byte{0, 4, 3, 4, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x08, 0x00}, ipv4(v4), udp(53))
	add("sll2", layers.LinkTypeLinuxSLL2, []byte{0x86, 0xdd, 0, 0, 0, 0, 0, 1, 3, 4, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0}, ipv6(v6), udp(53))
	return packets, want
}

func TestReadPcapLinks(t *testing.T) {
	packets, want := links(t)
	set, captured, err := ReadPcap(bytes.NewReader(pcapng(t, packets...)), "x", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := asked(set); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if want := (Captured{Packets: uint64(len(packets)), Queries: uint64(len(packets))}); *captured != want {
		t.Errorf("got %+v, want %+v", *captured, want)
	}
	for i, p := range packets {
		set, _, err := ReadPcap(bytes.NewReader(pcap(t, p)), "x", Options{})
		if err != nil {
			t.Fatalf("%s: %v", want[i], err)
		}
		if got := asked(set); !slices.Equal(got, want[i:i+1]) {
			t.Errorf("got %s, want %s", got, want[i])
		}
		// Frames that end early hold nothing, and don't do harm.
		for n := 1; n < len(p.frame); n++ {
			cut := packet{p.link, p.frame, n}
			if set, _, err := ReadPcap(bytes.NewReader(pcap(t, cut)), "x", Options{}); !errors.Is(err, ErrNone) {
				t.Fatalf("%d bytes of %s: %v %v", n, want[i], asked(set), err)
			}
		}
	}
}

func TestReadPcapFormats(t *testing.T) {
	one := packet{link: layers.LinkTypeEthernet, frame: plain(t, question(t, "one.example.", dns.TypeA, nil))}
	two := packet{link: layers.LinkTypeEthernet, frame: plain(t, question(t, "two.example.", dns.TypeA, nil))}
	file := pcap(t, one, two)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(file)
	w.Close()
	var bigEndian []byte // of the headers, the frames stay
	for i := 0; i < len(file); {
		word := func(n int) {
			b := slices.Clone(file[i : i+n])
			slices.Reverse(b)
			bigEndian = append(bigEndian, b...)
			i += n
		}
		if i == 0 {
			for _, n := range []int{4, 2, 2, 4, 4, 4, 4} {
				word(n)
			}
		}
		for range 4 {
			word(4)
		}
		n := len(one.frame)
		bigEndian = append(bigEndian, file[i:i+n]...)
		i += n
	}
	for name, file := range map[string][]byte{
		"pcap": file, "pcapng": pcapng(t, one, two), "gzip": zipped.Bytes(), "big-endian": bigEndian,
	} {
		set, captured, err := ReadPcap(bytes.NewReader(file), name, Options{RD: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := asked(set); !slices.Equal(got, []string{"one.example. A A", "two.example. A A"}) || captured.Short {
			t.Errorf("%s: %v %+v", name, got, captured)
		}
	}
	// The last packet is not whole.
	set, captured, err := ReadPcap(bytes.NewReader(file[:len(file)-1]), "x", Options{})
	if err != nil || set.Len() != 1 || !captured.Short {
		t.Errorf("a file that ends early: %+v %v", captured, err)
	}
	for what, file := range map[string]string{
		"read x: not a capture: shorter than 4 bytes":   "x",
		"read x: not a capture: Unknown magic 65646f63": "code that is no capture at all, not even one",
		"x: no queries to port 53 in 0 packets":         string(file[:24]),
		"read x: packet 1: frames of link type 105":     string(pcap(t, packet{link: layers.LinkTypeIEEE802_11, frame: one.frame})),
		"read x: gzip: invalid header":                  "\x1f\x8b and nothing that is so",
	} {
		_, _, err := ReadPcap(strings.NewReader(file), "x", Options{})
		if err == nil || !strings.HasPrefix(err.Error(), what) {
			t.Errorf("got %v, want %s", err, what)
		}
	}
}

func TestReadPcapOther(t *testing.T) {
	wire := question(t, "x.example.", dns.TypeA, nil)
	v4 := func() *layers.IPv4 { return ipv4(layers.IPProtocolUDP) }
	fragmented, offset := v4(), v4()
	fragmented.Flags, offset.FragOffset = layers.IPv4MoreFragments, 1
	atomic := &layers.IPv6Fragment{NextHeader: layers.IPProtocolUDP}
	first := &layers.IPv6Fragment{NextHeader: layers.IPProtocolUDP, MoreFragments: true}
	hops := &layers.IPv6HopByHop{}
	hops.NextHeader = layers.IPProtocolUDP
	hops.Options = []*layers.IPv6HopByHopOption{{OptionType: 1, OptionData: make([]byte, 4), OptionLength: 4, ActualLength: 6}}
	e4 := func() *layers.Ethernet { return ether(layers.EthernetTypeIPv4) }
	e6 := func() *layers.Ethernet { return ether(layers.EthernetTypeIPv6) }
	for _, test := range []struct {
		what              string
		frame             []byte
		queries, unusable uint64
	}{
		{"a query", plain(t, wire), 1, 0},
		{"a padded frame", append(plain(t, question(t, ".", dns.TypeNS, nil)), make([]byte, 20)...), 1, 0},
		{"another port", frame(t, wire, e4(), v4(), udp(5300)), 0, 0},
		{"a response", plain(t, question(t, "x.example.", dns.TypeA, func(m *dns.Msg) { m.Response = true })), 0, 1},
		{"a NOTIFY", plain(t, question(t, "x.example.", dns.TypeSOA, func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify })), 0, 1},
		{"a transfer", plain(t, question(t, "x.example.", dns.TypeAXFR, nil)), 0, 1},
		{"no question", plain(t, question(t, "x.example.", dns.TypeA, func(m *dns.Msg) { m.Question = nil })), 0, 1},
		{"a query that is cut off", plain(t, wire[:len(wire)-1]), 0, 1},
		{"an OPT record that is cut off", plain(t, question(t, "x.example.", dns.TypeA, func(m *dns.Msg) { m.SetEdns0(1232, true) })[:30]), 0, 1},
		{"two OPT records", plain(t, question(t, "x.example.", dns.TypeA, func(m *dns.Msg) { m.SetEdns0(1232, true); m.SetEdns0(1232, true) })), 0, 1},
		{"nothing", plain(t, nil), 0, 1},
		{"a fragment", frame(t, wire, e4(), fragmented, udp(53)), 0, 1},
		{"a later fragment", frame(t, wire, e4(), offset, udp(53)), 0, 0},
		{"an atomic fragment", frame(t, wire, e6(), ipv6(layers.IPProtocolIPv6Fragment), atomic, udp(53)), 1, 0},
		{"a first fragment", frame(t, wire, e6(), ipv6(layers.IPProtocolIPv6Fragment), first, udp(53)), 0, 1},
		{"an extension header", frame(t, wire, e6(), ipv6(layers.IPProtocolIPv6HopByHop), hops, udp(53)), 1, 0},
		{"ICMP", frame(t, nil, e4(), ipv4(layers.IPProtocolICMPv4), &layers.ICMPv4{}), 0, 0},
		{"ARP", frame(t, make([]byte, 40), ether(layers.EthernetTypeARP)), 0, 0},
	} {
		_, captured, err := ReadPcap(bytes.NewReader(pcap(t, packet{link: layers.LinkTypeEthernet, frame: test.frame})), "x", Options{})
		if (err == nil) != (test.queries > 0) {
			t.Errorf("%s: %v", test.what, err)
		}
		if want := (Captured{Packets: 1, Queries: test.queries, Unusable: test.unusable}); *captured != want {
			t.Errorf("%s: %+v, want %+v", test.what, *captured, want)
		}
	}
	other := frame(t, wire, e4(), v4(), udp(5300))
	set, _, err := ReadPcap(bytes.NewReader(pcap(t, packet{link: layers.LinkTypeEthernet, frame: other})), "x", Options{Port: 5300})
	if err != nil || set.Len() != 1 {
		t.Errorf("another port that is asked for: %v", err)
	}
}

func TestReadPcapAsCaptured(t *testing.T) {
	var packets []packet
	for i, change := range []func(m *dns.Msg){
		nil,
		func(m *dns.Msg) { m.RecursionDesired, m.CheckingDisabled, m.AuthenticatedData = false, true, true },
		func(m *dns.Msg) {
			m.SetEdns0(4096, true)
			opt := m.IsEdns0()
			opt.Option = []dns.EDNS0{
				&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "00112233445566778899aabbccddeeff"},
				&dns.EDNS0_NSID{Code: dns.EDNS0NSID},
				&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IP{192, 0, 2, 0}},
			}
		},
		func(m *dns.Msg) {
			m.SetEdns0(512, false)
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001, Data: make([]byte, MaxBytes)}}
		},
		func(m *dns.Msg) {
			m.SetEdns0(512, false)
			m.Extra = append(m.Extra, &dns.TXT{Hdr: dns.RR_Header{Name: "x.", Rrtype: dns.TypeTXT, Class: 1}, Txt: []string{"y"}})
		},
	} {
		name := fmt.Sprintf("Q%d.example.", i)
		packets = append(packets, packet{link: layers.LinkTypeEthernet, frame: plain(t, question(t, name, dns.TypeA, change))})
	}
	file := pcap(t, packets...)
	set, captured, err := ReadPcap(bytes.NewReader(file), "x", Options{AsCaptured: true, DO: true})
	if err != nil {
		t.Fatal(err)
	}
	if captured.Queries != 4 || captured.Unusable != 1 || !set.Cookies() {
		t.Errorf("got %+v, cookies %v", captured, set.Cookies())
	}
	m, _ := put(t, set, 0, 1, 0, nil)
	if m.Question[0].Name != "Q0.example." || !m.RecursionDesired || m.IsEdns0() != nil {
		t.Errorf("got %v", m)
	}
	m, _ = put(t, set, 1, 1, 0, nil)
	if m.RecursionDesired || !m.CheckingDisabled || !m.AuthenticatedData || m.IsEdns0() != nil {
		t.Errorf("got %v", m)
	}
	cookie := []byte("a cookie of 24 bytes ...")
	m, _ = put(t, set, 2, 1, 0, cookie)
	opt := m.IsEdns0()
	if opt == nil || opt.UDPSize() != 4096 || !opt.Do() || len(opt.Option) != 3 {
		t.Fatalf("got %v", m)
	}
	if got := opt.Option[2].(*dns.EDNS0_COOKIE).Cookie; !bytes.Equal(fromHex(t, got), cookie) {
		t.Errorf("cookie %s", got)
	}
	if _, ok := opt.Option[1].(*dns.EDNS0_SUBNET); !ok {
		t.Errorf("got %v", m)
	}
	if m, _ = put(t, set, 3, 1, 0, cookie); m.Question[0].Name != "Q4.example." || len(m.Extra) != 1 || m.IsEdns0().Do() {
		t.Errorf("got %v", m)
	}

	// The same with options of our own.
	set, captured, err = ReadPcap(bytes.NewReader(file), "x", Options{NSID: true})
	if err != nil || captured.Queries != 5 {
		t.Fatalf("%+v %v", captured, err)
	}
	for i := range uint32(5) {
		m, _ := put(t, set, i, 1, 0, nil)
		opt := m.IsEdns0()
		if opt == nil || opt.Do() || opt.UDPSize() != DefaultUDPBytes || len(opt.Option) != 1 || m.RecursionDesired || m.CheckingDisabled {
			t.Errorf("got %v", m)
		}
	}
}

func TestReadPcapFails(t *testing.T) {
	if _, _, err := ReadPcap(&failing{errors.New("disk on fire")}, "x", Options{}); err == nil || err.Error() != "read x: disk on fire" {
		t.Errorf("a file that can't be read: %v", err)
	}
}
