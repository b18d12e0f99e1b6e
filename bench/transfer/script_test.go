package transfer

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

// script is a server's part of a connection, after it has read the query.
type script func(t *testing.T, conn net.Conn, query *dns.Msg)

// serve plays the script on each connection until the end of the test.
func serve(t *testing.T, play script) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, listener, play)
}

func serveOn(t *testing.T, listener net.Listener, play script) netip.AddrPort {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				var length [2]byte
				if _, err := io.ReadFull(conn, length[:]); err != nil {
					return
				}
				wire := make([]byte, binary.BigEndian.Uint16(length[:]))
				query := new(dns.Msg)
				if _, err := io.ReadFull(conn, wire); err != nil || query.Unpack(wire) != nil {
					return
				}
				play(t, conn, query)
			}()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

func rr(text string) dns.RR {
	r, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return r
}

var (
	start = rr("tw. 3600 SOA ns.tw. hostmaster.tw. 7 1 1 1 1")
	other = rr("tw. 3600 SOA ns.tw. hostmaster.tw. 8 1 1 1 1")
	ns    = rr("tw. 3600 NS ns.tw.")
	a     = rr("ns.tw. 3600 A 192.0.2.1")
)

func answer(query *dns.Msg, records ...dns.RR) *dns.Msg {
	m := new(dns.Msg).SetReply(query)
	m.Answer = records
	m.Compress = true
	return m
}

func pack(t *testing.T, m *dns.Msg) []byte {
	wire, err := m.Pack()
	if err != nil {
		t.Error(err)
	}
	return wire
}

func send(conn net.Conn, wire []byte) {
	conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...))
}

// says plays messages of these records, each changed before it is sent unless change is nil.
func says(change func(i int, wire []byte) []byte, messages ...[]dns.RR) script {
	return func(t *testing.T, conn net.Conn, query *dns.Msg) {
		for i, records := range messages {
			wire := pack(t, answer(query, records...))
			if change != nil {
				wire = change(i, wire)
			}
			send(conn, wire)
		}
	}
}

func set(at int, bits byte) func(int, []byte) []byte {
	return func(_ int, wire []byte) []byte { wire[at] ^= bits; return wire }
}

type records = []dns.RR

func TestScripts(t *testing.T) {
	for name, c := range map[string]struct {
		play script
		want string // the error; "" for 3 records
	}{
		"one message":           {says(nil, records{start, ns, a, start}), ""},
		"a message each":        {says(nil, records{start}, records{ns}, records{a}, records{start}), ""},
		"the SOA alone":         {says(nil, records{start}), "broken off after 1 messages with 1 records: the server has closed the connection"},
		"ends too early":        {says(nil, records{start, ns}, records{a}), "broken off after 2 messages with 3 records: the server has closed the connection"},
		"another serial":        {says(nil, records{start, ns, a}, records{other}), "message 2: the transfer ends with the serial 8, it began with 7"},
		"begins with NS":        {says(nil, records{ns, start}), "message 1: it begins with another record than the SOA"},
		"records behind":        {says(nil, records{start, ns, start, a}), "message 1: records follow the SOA record that ends the transfer"},
		"records behind, later": {says(nil, records{start, ns}, records{start, a}), "message 2: records follow the SOA record that ends the transfer"},
		"no records":            {says(nil, records{}), "message 1: it has no records"},
		"no more records":       {says(nil, records{start}, records{}), "message 2: it has no records"},
		"closes":                {says(nil), "no answer: the server has closed the connection"},
		"another ID":            {says(set(0, 1), records{start, ns, a, start}), "message 1: it is not an answer to the query"},
		"a query":               {says(set(2, 0x80), records{start, ns, a, start}), "message 1: it is not an answer to the query"},
		"another opcode":        {says(set(2, 0x08), records{start, ns, a, start}), "message 1: it is not an answer to the query"},
		"TC":                    {says(set(2, 0x02), records{start, ns, a, start}), "message 1: it is truncated"},
		"SERVFAIL":              {says(set(3, dns.RcodeServerFailure), records{}), "message 1: the server answers SERVFAIL: it doesn't have the zone"},
		"FORMERR":               {says(set(3, dns.RcodeFormatError), records{}), "message 1: the server answers FORMERR"},
		"short": {says(func(_ int, wire []byte) []byte { return wire[:len(wire)-3] }, records{start, ns, a, start}),
			"message 1: a message ends too early"},
		"long": {says(func(_ int, wire []byte) []byte { return append(wire, 0) }, records{start, ns, a, start}),
			"message 1: a message is longer than its records"},
		"empty message": {says(func(int, []byte) []byte { return nil }, records{}), "message 1: a message ends too early"},
		"garbage later": {says(func(i int, wire []byte) []byte { return wire[:len(wire)-i] }, records{start, ns}, records{a, start}),
			"message 2: a message ends too early"},
		"dies within a message": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			conn.Write([]byte{1, 0, 5})
		}, "no answer: the server has closed the connection"},
		"dies within a length": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			send(conn, pack(t, answer(query, start, ns)))
			conn.Write([]byte{1})
		}, "broken off after 1 messages with 2 records: the server has closed the connection"},
		"resets": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			conn.(*net.TCPConn).SetLinger(0)
		}, "no answer: the server has reset the connection"},
		"byte by byte": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			conn.(*net.TCPConn).SetNoDelay(true)
			wire := pack(t, answer(query, start, ns, a, start))
			for _, b := range append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...) {
				conn.Write([]byte{b})
			}
		}, ""},
		"two in a packet": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			var out bytes.Buffer
			for _, message := range []records{{start, ns}, {a, start}} {
				wire := pack(t, answer(query, message...))
				out.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...))
			}
			conn.Write(out.Bytes())
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run(t, Options{Server: serve(t, c.play)}).Transfers[0]
			if c.want == "" && (got.Error != "" || got.Records != 3 || got.Serial != 7) {
				t.Errorf("%+v; expected 3 records and serial 7", got)
			}
			if !strings.HasPrefix(got.Error, c.want) {
				t.Errorf("error %q, expected %q", got.Error, c.want)
			}
		})
	}
}

// TestSilence has servers that say nothing, or no more.
func TestSilence(t *testing.T) {
	const timeout = 50 * time.Millisecond
	over := make(chan struct{})
	defer close(over)
	for want, play := range map[string]script{
		"no answer: nothing came for 50ms": func(t *testing.T, conn net.Conn, query *dns.Msg) { <-over },
		"broken off after 1 messages with 2 records: nothing came for 50ms": func(t *testing.T, conn net.Conn, query *dns.Msg) {
			send(conn, pack(t, answer(query, start, ns)))
			<-over
		},
	} {
		got := run(t, Options{Server: serve(t, play), Timeout: timeout}).Transfers[0].Error
		// Where the machine is so busy that not even the first message comes in time, that is said.
		if got != want && got != "no answer: nothing came for 50ms" {
			t.Errorf("error %q, expected %q", got, want)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	got := run(t, Options{Server: peer.FreeAddr(t)}).Transfers[0].Error
	if want := "connect: connection refused: nobody listens there"; got != want {
		t.Errorf("error %q, expected %q", got, want)
	}
}

// signer signs as an old server does: some messages only.
type signer struct {
	secret string
	mac    string // of the message before, or of the query
	timers bool
}

func newSigner(query *dns.Msg, secret string) *signer {
	return &signer{secret: secret, mac: query.IsTsig().MAC}
}

// sign returns the message with a signature over it. It can be changed before that, and its time.
func (s *signer) sign(t *testing.T, m *dns.Msg, at time.Time) []byte {
	m.SetTsig("key.", dns.HmacSHA256, fudge, at.Unix())
	wire, mac, err := dns.TsigGenerate(m, s.secret, s.mac, s.timers)
	if err != nil {
		t.Error(err)
	}
	s.mac, s.timers = mac, true
	return wire
}

func TestSignatures(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString([]byte("a secret of the test"))
	k, err := NewKey("key", "", secret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, c := range map[string]struct {
		play script
		want string
	}{
		"all signed": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			s := newSigner(query, secret)
			send(conn, s.sign(t, answer(query, start, ns), now))
			send(conn, s.sign(t, answer(query, a), now))
			send(conn, s.sign(t, answer(query, start), now))
		}, ""},
		"by another name's case": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			wire := newSigner(query, secret).sign(t, answer(query, start, ns, a, start), now)
			copy(wire[bytes.LastIndex(wire, []byte("\x03key\x00")):], "\x03KEY\x00")
			send(conn, wire)
		}, ""},
		"none signed": {says(nil, records{start, ns, a, start}), "message 1: the server doesn't sign its answer by the TSIG key key. (hmac-sha256)"},
		"the last one isn't": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			send(conn, newSigner(query, secret).sign(t, answer(query, start, ns, a), now))
			send(conn, pack(t, answer(query, start)))
		}, "message 2: the last 1 messages came without a TSIG signature"},
		"too many are not": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			send(conn, newSigner(query, secret).sign(t, answer(query, start), now))
			for range 100 {
				send(conn, pack(t, answer(query, a)))
			}
		}, "message 101: 100 messages came without a TSIG signature (RFC 8945 §5.3.1)"},
		"another one's record": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			wire := newSigner(query, secret).sign(t, answer(query, start, ns, a, start), now)
			wire[bytes.Index(wire, []byte{192, 0, 2, 1})]++
			send(conn, wire)
		}, "message 1: a message has a wrong signature of the TSIG key key. (hmac-sha256)"},
		"a later one's record": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			s := newSigner(query, secret)
			send(conn, s.sign(t, answer(query, start, ns), now))
			wire := s.sign(t, answer(query, a, start), now)
			wire[bytes.Index(wire, []byte{192, 0, 2, 1})]++
			send(conn, wire)
		}, "message 2: a message has a wrong signature"},
		"messages change places": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			s := newSigner(query, secret)
			send(conn, s.sign(t, answer(query, start), now))
			second, third := s.sign(t, answer(query, ns), now), s.sign(t, answer(query, a), now)
			send(conn, third)
			send(conn, second)
		}, "message 2: a message has a wrong signature"},
		"another secret": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			send(conn, newSigner(query, base64.StdEncoding.EncodeToString([]byte("x"))).sign(t, answer(query, start, ns, a, start), now))
		}, "message 1: a message has a wrong signature"},
		"long ago": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			send(conn, newSigner(query, secret).sign(t, answer(query, start, ns, a, start), time.Unix(1_000_000_000, 0)))
		}, "message 1: a message was signed at 2001-09-09 01:46:40: the clocks of server and client differ"},
		"by another key": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			m := answer(query, start, ns, a, start)
			m.SetTsig("other.", dns.HmacSHA256, fudge, now.Unix())
			wire, _, err := dns.TsigGenerate(m, secret, query.IsTsig().MAC, false)
			if err != nil {
				t.Error(err)
			}
			send(conn, wire)
		}, "message 1: the server signs by the TSIG key other."},
		"BADTIME": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			m := answer(query)
			m.Rcode = dns.RcodeNotAuth
			m.SetTsig("key.", dns.HmacSHA256, fudge, now.Unix())
			m.IsTsig().Error = dns.RcodeBadTime
			m.IsTsig().OtherData, m.IsTsig().OtherLen = "000000000001", 6
			send(conn, pack(t, m))
		}, "message 1: the server refuses the TSIG key key. (hmac-sha256): BADTIME, its clock differs by more than 300 s"},
		"TSIG in the middle": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			m := answer(query, start, ns, a, start)
			m.SetTsig("key.", dns.HmacSHA256, fudge, now.Unix())
			m.Extra = append(m.Extra, a)
			send(conn, pack(t, m))
		}, "message 1: a message has a TSIG record that is not its last one"},
		"an error without a signature": {func(t *testing.T, conn net.Conn, query *dns.Msg) {
			m := answer(query)
			m.Rcode = dns.RcodeServerFailure
			send(conn, pack(t, m))
		}, "message 1: the server answers SERVFAIL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run(t, Options{Server: serve(t, c.play), Key: k}).Transfers[0]
			if c.want == "" && (got.Error != "" || got.Records != 3) {
				t.Errorf("%+v; expected 3 records", got)
			}
			if !strings.HasPrefix(got.Error, c.want) {
				t.Errorf("error %q, expected %q", got.Error, c.want)
			}
		})
	}
}

// TestSomeUnsigned checks the digest over messages between two signatures against the RFC's own
// words (RFC 8945 §5.3.1), written down here once more.
func TestSomeUnsigned(t *testing.T) {
	secret := []byte("a secret of the test")
	k, err := NewKey("key", "", base64.StdEncoding.EncodeToString(secret))
	if err != nil {
		t.Fatal(err)
	}
	play := func(t *testing.T, conn net.Conn, query *dns.Msg) {
		s := newSigner(query, base64.StdEncoding.EncodeToString(secret))
		send(conn, s.sign(t, answer(query, start), time.Now()))
		before, err := hex.DecodeString(s.mac)
		if err != nil {
			t.Error(err)
		}
		var between []byte
		for _, record := range []dns.RR{ns, a} {
			wire := pack(t, answer(query, record))
			between = append(between, wire...)
			send(conn, wire)
		}
		last := answer(query, start)
		bare := pack(t, last)
		last.SetTsig("key.", dns.HmacSHA256, fudge, time.Now().Unix())
		record := last.IsTsig()
		// Prior MAC, messages, TSIG timers.
		mac := macOf(secret, binary.BigEndian.AppendUint16(nil, uint16(len(before))), before, between, bare,
			binary.BigEndian.AppendUint64(nil, record.TimeSigned)[2:], binary.BigEndian.AppendUint16(nil, record.Fudge))
		record.MAC, record.MACSize, record.OrigId = hex.EncodeToString(mac), uint16(len(mac)), last.Id
		send(conn, pack(t, last))
	}
	if got := run(t, Options{Server: serve(t, play), Key: k}).Transfers[0]; got.Error != "" || got.Records != 3 || got.Messages != 4 {
		t.Errorf("%+v; expected 3 records in 4 messages", got)
	}
}

func TestTLSMistakes(t *testing.T) {
	certificate := peer.NewCertificate(t)
	pair, err := tls.LoadX509KeyPair(certificate.CertFile, certificate.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	encrypted := func(version uint16, protocols ...string) netip.AddrPort {
		listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MaxVersion: version, NextProtos: protocols})
		if err != nil {
			t.Fatal(err)
		}
		return serveOn(t, listener, says(nil, records{start, ns, a, start}))
	}
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	go func() {
		if conn, err := mute.Accept(); err == nil {
			conn.Read(make([]byte, 1))
			conn.Close()
		}
	}()
	other := peer.NewCertificate(t)
	for _, c := range []struct {
		what   string
		server netip.AddrPort
		client *tls.Config
		want   string
	}{
		{"good", encrypted(tls.VersionTLS13, "dot"), certificate.Client(), ""},
		{"name from the address", encrypted(tls.VersionTLS13, "dot"), withoutName(certificate.Client()), ""},
		{"TLS 1.2 only", encrypted(tls.VersionTLS12, "dot"), certificate.Client(), "TLS: tls: protocol version not supported"},
		{"HTTP only", encrypted(tls.VersionTLS13, "h2"), certificate.Client(), "TLS: tls: no application protocol"},
		{"not trusted", encrypted(tls.VersionTLS13, "dot"), other.Client(), "TLS: tls: failed to verify certificate"},
		{"no TLS", mute.Addr().(*net.TCPAddr).AddrPort(), certificate.Client(), "TLS: the server has "},
	} {
		got := run(t, Options{Server: c.server, TLS: c.client}).Transfers[0]
		if c.want == "" && (got.Error != "" || got.Records != 3) {
			t.Errorf("%s: %+v; expected 3 records", c.what, got)
		}
		if !strings.HasPrefix(got.Error, c.want) {
			t.Errorf("%s: error %q, expected %q", c.what, got.Error, c.want)
		}
	}
}

func withoutName(c *tls.Config) *tls.Config {
	c.ServerName = ""
	return c
}

func TestInterrupted(t *testing.T) {
	before := runtime.NumGoroutine()
	asked := make(chan struct{}, 10)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	defer close(over)
	server := serve(t, func(t *testing.T, conn net.Conn, query *dns.Msg) {
		asked <- struct{}{}
		<-over
	})
	go func() {
		<-asked
		<-asked
		cancel()
	}()
	r, err := Run(ctx, Options{Server: server, Zone: "tw", Times: 10, Concurrency: 2, Timeout: patience})
	if err != nil || !r.Interrupted || len(r.Transfers) != 0 {
		t.Errorf("%+v, error %v; expected an interrupted result without transfers", r, err)
	}
	const servers = 3 // the one that accepts and two connections
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before+servers; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines are left", runtime.NumGoroutine()-before-servers)
		}
	}
}

func TestProgress(t *testing.T) {
	server := serve(t, says(nil, records{start, ns, a, start}))
	var seen []int
	r := run(t, Options{Server: server, Times: 20, Concurrency: 5, Progress: func(done int) { seen = append(seen, done) }})
	if len(seen) != 20 || seen[19] != 20 || r.Failed() != 0 {
		t.Errorf("progress was %v, %d failed", seen, r.Failed())
	}
}

func TestMistakes(t *testing.T) {
	at := netip.MustParseAddrPort("127.0.0.1:53")
	for want, o := range map[string]Options{
		`transfer "a..b": empty label`:       {Zone: "a..b", Server: at},
		"expected the address and port":      {Zone: "tw"},
		"-1 times, 1 at once":                {Zone: "tw", Server: at, Times: -1},
		"2000000 times":                      {Zone: "tw", Server: at, Times: 2_000_000},
		"1 times, -1 at once":                {Zone: "tw", Server: at, Concurrency: -1},
		"timeout -1s: expected 1 to 1000000": {Zone: "tw", Server: at, Timeout: -time.Second},
	} {
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected %s", err, want)
		}
	}
	if _, err := Read(strings.NewReader(`{"format": 2}`)); err == nil || !strings.Contains(err.Error(), "format 2: expected 1") {
		t.Errorf("error %v", err)
	}
	if _, err := Read(strings.NewReader(`{`)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}
