package overlay

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// serveTCP answers framed messages by TCP until the test ends: what a node does,
// or one that is out of order.
func serveTCP(t testing.TB, answer func(wire []byte) []byte) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				for {
					var length [2]byte
					if _, err := io.ReadFull(conn, length[:]); err != nil {
						return
					}
					wire := make([]byte, binary.BigEndian.Uint16(length[:]))
					if _, err := io.ReadFull(conn, wire); err != nil {
						return
					}
					out := answer(wire)
					if out == nil {
						return
					}
					conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
				}
			})
		}
	})
	return netip.MustParseAddrPort(l.Addr().String())
}

func serveOverlay(t testing.TB, o *Overlay) netip.AddrPort {
	return serveTCP(t, func(wire []byte) []byte {
		dst := make([]byte, 65535)
		return dst[:o.Update(wire, dst)]
	})
}

// closedPort returns an address where nobody listens.
func closedPort(t testing.TB) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

func newSiblings(t testing.TB, own *Overlay, opts SiblingsOptions) *Siblings {
	t.Helper()
	s, err := NewSiblings(own, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSiblings(t *testing.T) {
	own, second, third := updateOverlay(t), updateOverlay(t), updateOverlay(t)
	s := newSiblings(t, own, SiblingsOptions{Addresses: []netip.AddrPort{serveOverlay(t, own), serveOverlay(t, second), serveOverlay(t, third)}, Key: testKey})
	value := "\"quoted\" \\ and \x00\xff"
	if err := s.Present(t.Context(), "_ACME-challenge.ns1.example.tw", value); err != nil {
		t.Fatal(err)
	}
	want := lookUp(t, own, apex)
	for i, o := range []*Overlay{own, second, third} {
		if got := lookUp(t, o, apex); got != want || o.Len() != 1 {
			t.Errorf("node %d: %s, expected %s", i+1, got, want)
		}
	}
	if err := s.Remove(t.Context(), apex, value); err != nil {
		t.Fatal(err)
	}
	for i, o := range []*Overlay{own, second, third} {
		if o.Len() != 0 {
			t.Errorf("node %d still has %s", i+1, lookUp(t, o, apex))
		}
	}
}

func TestSiblingsSkipTheUnreachable(t *testing.T) {
	own, second := updateOverlay(t), updateOverlay(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	hangsUp := serveTCP(t, func([]byte) []byte { return nil })
	core, logs := observer.New(zapcore.WarnLevel)
	s := newSiblings(t, own, SiblingsOptions{
		Addresses: []netip.AddrPort{closedPort(t), serveOverlay(t, second), netip.MustParseAddrPort(silent.Addr().String()), hangsUp},
		Key:       testKey,
		Timeout:   2 * time.Second,
		Log:       zap.New(core),
	})
	if err := s.Present(t.Context(), apex, "one"); err != nil {
		t.Fatal(err)
	}
	if own.Len() != 1 || second.Len() != 1 {
		t.Errorf("%d records here and %d there, expected 1 each", own.Len(), second.Len())
	}
	if n := logs.FilterMessageSnippet("cannot be reached").Len(); n != 3 {
		t.Errorf("%d siblings were logged as out of reach, expected 3: %v", n, logs.All())
	}
}

func TestSiblingsTryAgain(t *testing.T) {
	own, second := updateOverlay(t), updateOverlay(t)
	var mu sync.Mutex
	asked := 0
	flaky := serveTCP(t, func(wire []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		if asked++; asked < tries {
			return nil
		}
		dst := make([]byte, 65535)
		return dst[:second.Update(wire, dst)]
	})
	s := newSiblings(t, own, SiblingsOptions{Addresses: []netip.AddrPort{flaky}, Key: testKey, Timeout: time.Minute})
	if err := s.Present(t.Context(), apex, "one"); err != nil {
		t.Fatal(err)
	}
	if second.Len() != 1 {
		t.Error("it gave up too early")
	}
}

// TestSiblingsThatRefuse has one good sibling, and one that makes it fail.
func TestSiblingsThatRefuse(t *testing.T) {
	reply := func(wire []byte, change func(*dns.Msg)) []byte {
		m, r := new(dns.Msg), new(dns.Msg)
		if err := m.Unpack(wire); err != nil {
			t.Error(err)
		}
		r.SetReply(m)
		r.Opcode = dns.OpcodeUpdate
		change(r)
		out, err := r.Pack()
		if err != nil {
			t.Error(err)
		}
		return out
	}
	with := func(opts Options) func(t *testing.T) netip.AddrPort {
		return func(t *testing.T) netip.AddrPort { return serveOverlay(t, newOverlay(t, opts)) }
	}
	saying := func(change func(*dns.Msg)) func(t *testing.T) netip.AddrPort {
		return func(t *testing.T) netip.AddrPort {
			return serveTCP(t, func(wire []byte) []byte { return reply(wire, change) })
		}
	}
	host := []string{"ns1.example.tw"}
	wrong := base64.StdEncoding.EncodeToString([]byte("another secret of 32 bytes, long"))
	for _, c := range []struct {
		name    string
		sibling func(t *testing.T) netip.AddrPort
		want    string
	}{
		{"no key", with(Options{Hosts: host}), `NOTAUTH BADKEY: it has no key "node-key."`},
		{"another secret", with(Options{Hosts: host, Keys: []Key{{Name: testKey.Name, Secret: wrong}}}), `NOTAUTH BADSIG: it has another secret for the key "node-key."`},
		{"another host", with(Options{Hosts: []string{"x.example"}, Keys: []Key{testKey}}), "NOTAUTH: it holds no challenges below " + apex},
		{"no updates at all", saying(func(m *dns.Msg) { m.Rcode = dns.RcodeNotImplemented }), "NOTIMP: it holds no challenges below " + apex},
		{"always SERVFAIL", saying(func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }), "SERVFAIL: "},
		{"confirmation without signature", saying(func(m *dns.Msg) {}), "not signed by the key"},
		{"confirmation that is forged", saying(func(m *dns.Msg) {
			m.Extra = []dns.RR{&dns.TSIG{Hdr: dns.RR_Header{Name: "node-key.", Rrtype: dns.TypeTSIG, Class: dns.ClassANY}, Algorithm: dns.HmacSHA256,
				TimeSigned: uint64(time.Now().Unix()), Fudge: 300, OrigId: m.Id, MACSize: 32, MAC: strings.Repeat("00", 32)}}
		}), "not signed by the key"},
		{"another message", saying(func(m *dns.Msg) { m.Id++ }), "no response to the update"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			own, good := updateOverlay(t), updateOverlay(t)
			bad := c.sibling(t)
			s := newSiblings(t, own, SiblingsOptions{Addresses: []netip.AddrPort{serveOverlay(t, good), bad}, Key: testKey})
			err := s.Present(t.Context(), apex, "one")
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Sibling != bad {
				t.Fatalf("%v, expected that sibling %s refuses", err, bad)
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("%q, expected %q in it", err, c.want)
			}
			if own.Len() != 0 || good.Len() != 0 {
				t.Errorf("the challenge is left behind: %d here, %d there", own.Len(), good.Len())
			}
		})
	}
}

func TestSiblingsWithAnotherClock(t *testing.T) {
	own := updateOverlay(t)
	k, err := testKey.check()
	if err != nil {
		t.Fatal(err)
	}
	behind := serveTCP(t, func(wire []byte) []byte {
		m := new(dns.Msg)
		if err := m.Unpack(wire); err != nil {
			t.Error(err)
		}
		asked := m.IsTsig()
		var r response
		r.MsgHdr = dns.MsgHdr{Id: m.Id, Response: true, Opcode: dns.OpcodeUpdate, Rcode: dns.RcodeNotAuth}
		r.Question = m.Question
		asked.TimeSigned -= 3600
		r.request, r.key, r.failure = asked, &k, dns.RcodeBadTime
		dst := make([]byte, 512)
		return dst[:r.pack(dst)]
	})
	s := newSiblings(t, own, SiblingsOptions{Addresses: []netip.AddrPort{behind}, Key: testKey})
	if err := s.Present(t.Context(), apex, "one"); err == nil || !strings.Contains(err.Error(), "BADTIME: its clock differs from ours by 1h0m") {
		t.Errorf("%v, expected BADTIME with the difference", err)
	}
}

func TestSiblingsCancelled(t *testing.T) {
	own := updateOverlay(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := newSiblings(t, own, SiblingsOptions{Addresses: []netip.AddrPort{netip.MustParseAddrPort(silent.Addr().String())}, Key: testKey, Timeout: time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := silent.Accept(); err == nil {
			defer conn.Close()
			io.ReadFull(conn, make([]byte, 2))
		}
		cancel()
	}()
	if err := s.Present(ctx, apex, "one"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, expected that it is cancelled", err)
	}
	if own.Len() != 0 {
		t.Error("the challenge is left behind")
	}
}

func TestNewSiblingsRefuses(t *testing.T) {
	for _, opts := range []SiblingsOptions{
		{Addresses: []netip.AddrPort{{}}, Key: testKey},
		{Addresses: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:53")}, Key: testKey},
		{Addresses: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:0")}, Key: testKey},
		{Addresses: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}},
	} {
		if _, err := NewSiblings(updateOverlay(t), opts); err == nil {
			t.Errorf("%v is accepted", opts.Addresses)
		}
	}
	if _, err := NewSiblings(updateOverlay(t), SiblingsOptions{}); err != nil {
		t.Errorf("a node alone needs no key: %v", err)
	}
}

// FuzzConfirmation has a sibling that answers with anything: only who has the key
// can confirm.
func FuzzConfirmation(f *testing.F) {
	key, err := testKey.check()
	if err != nil {
		f.Fatal(err)
	}
	own := updateOverlay(f)
	u := update{apex: []byte("\x0f_acme-challenge\x03ns1\x07example\x02tw\x00"), action: add, value: "one", key: key}
	u.owner = u.apex
	wire, mac, err := u.message(1)
	if err != nil {
		f.Fatal(err)
	}
	response := make([]byte, 512)
	response = response[:own.Update(wire, response)]
	sibling := netip.MustParseAddrPort("192.0.2.1:53")
	if err := u.judge(sibling, 1, response, mac); err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Clone(response), uint16(0), byte(0))
	f.Add(bytes.Clone(response), uint16(len(response)-1), byte(1))
	f.Add(bytes.Clone(response), uint16(3), byte(dns.RcodeNotAuth))
	f.Fuzz(func(t *testing.T, got []byte, at uint16, flip byte) {
		got = bytes.Clone(got)
		if len(got) > 0 {
			got[int(at)%len(got)] ^= flip
		}
		before := bytes.Clone(got)
		if err := u.judge(sibling, 1, got, mac); err == nil && !bytes.Equal(before, response) {
			// Case, compression and the ID may differ, but not what is signed.
			a, b := new(dns.Msg), new(dns.Msg)
			if a.Unpack(before) != nil || b.Unpack(response) != nil || a.Rcode != b.Rcode || a.IsTsig() == nil || a.IsTsig().MAC != b.IsTsig().MAC {
				t.Fatalf("taken for a confirmation: %x", before)
			}
		} else if err != nil && err.Error() == "" {
			t.Fatal("an error without text")
		}
	})
}
