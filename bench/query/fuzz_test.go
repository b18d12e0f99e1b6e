package query

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/miekg/dns"
)

func addrPort(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

// sound holds all that a set promises against its queries.
func sound(t *testing.T, s *Set) {
	t.Helper()
	if s.Len() == 0 || len(s.Classes) == 0 || len(s.Classes) > MaxClasses {
		t.Fatalf("%d queries in classes %v", s.Len(), s.Classes)
	}
	for i := range uint32(s.Len()) {
		if int(s.Class(i)) >= len(s.Classes) {
			t.Fatalf("query %d is in class %d of %d", i, s.Class(i), len(s.Classes))
		}
		for _, cookie := range [][]byte{nil, make([]byte, 16), make([]byte, 40)} {
			buffer := make([]byte, MaxBytes)
			n := s.Put(buffer, i, 7, 8, cookie)
			if cookie == nil && n != s.Length(i) {
				t.Fatalf("query %d: %d bytes, want %d", i, n, s.Length(i))
			}
			message := buffer[:n]
			m, kind := parse(message)
			if kind != oneQuery {
				t.Fatalf("query %d is not one: %x", i, message)
			}
			if edns, _, _ := s.EDNS(i); edns != (m.opt != nil) {
				t.Fatalf("query %d: EDNS is %v: %x", i, edns, message)
			}
			message[2] |= 0x80
			want := Fits
			if cookie != nil && s.queries[i].flags&hasCookie != 0 {
				want = Mismatched // the client's part is not ours
			}
			if got := s.Check(i, 8, message); got != want {
				t.Fatalf("query %d as its own answer: %s, want %s: %x", i, got, want, message)
			}
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("www.example A\n; no more\n例子.tw. TYPE65535 x\n", uint16(0))
	f.Add(`a\.\032b\255 any`, uint16(0xff))
	f.Add(". NS\r\n\n@ A\n# x", uint16(1))
	f.Fuzz(func(t *testing.T, text string, bits uint16) {
		set, err := ReadText(strings.NewReader(text), "x", someOptions(bits))
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "x:") {
					t.Errorf("error %q does not tell where", line)
				}
			}
			return
		}
		sound(t, set)
	})
}

// someOptions is one choice of options.
func someOptions(bits uint16) Options {
	is := func(i int) bool { return bits>>i&1 != 0 }
	return Options{
		RD: is(0), AD: is(1), CD: is(2), EDNS: is(3), DO: is(4), NSID: is(5), Cookie: is(6),
		Keepalive: is(7), Padding: is(8), AsCaptured: is(9), UDPBytes: bits >> 12 << 8,
	}
}

func FuzzPcap(f *testing.F) {
	packets, _ := links(f)
	f.Add(pcapng(f, packets...), uint16(0))
	for i, p := range packets {
		f.Add(pcap(f, p), uint16(i))
	}
	edns := plain(f, question(f, "x.example.", dns.TypeA, func(m *dns.Msg) {
		m.SetEdns0(4096, true)
		m.IsEdns0().Option = []dns.EDNS0{
			&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"},
			&dns.EDNS0_NSID{Code: dns.EDNS0NSID},
		}
	}))
	f.Add(pcap(f, packet{link: layers.LinkTypeEthernet, frame: edns}), uint16(1<<9))
	f.Fuzz(func(t *testing.T, file []byte, bits uint16) {
		set, captured, err := ReadPcap(bytes.NewReader(file), "x", someOptions(bits))
		if err != nil {
			return
		}
		if captured.Queries != uint64(set.Len()) {
			t.Errorf("%+v, but %d queries", captured, set.Len())
		}
		sound(t, set)
	})
}

// FuzzFrame takes frames without a file around them, and TCP.
func FuzzFrame(f *testing.F) {
	packets, _ := links(f)
	for _, p := range packets {
		f.Add(uint16(p.link), p.frame, p.frame)
	}
	f.Fuzz(func(t *testing.T, link uint16, first, second []byte) {
		c := &capture{builder: newBuilder(Options{AsCaptured: true}), flows: flows{}}
		for _, frame := range [][]byte{first, second} {
			if s, ok := readFrame(layers.LinkType(link), frame); ok {
				if len(s.data) > len(frame) || s.missing < 0 {
					t.Fatalf("%+v of %d bytes", s, len(frame))
				}
				c.builder.options.Port = s.to.Port()
				c.add(layers.LinkType(link), frame)
			}
		}
		if c.builder.set.Len() > 0 {
			c.builder.classify()
			sound(t, c.builder.set)
		}
	})
}
