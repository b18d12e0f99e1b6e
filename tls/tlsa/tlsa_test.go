package tlsa

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
	"yushan/tls/cert"
)

func leaf(t *testing.T) (*tls.Certificate, *x509.Certificate) {
	t.Helper()
	s, err := cert.NewSelfSigned(cert.SelfSignedOptions{Names: []string{"ns1.example"}})
	if err != nil {
		t.Fatal(err)
	}
	return s.Current(), s.Current().Leaf
}

func TestOwner(t *testing.T) {
	for _, test := range []struct {
		port      uint16
		transport Transport
		host      string
		want      string
	}{
		{853, TCP, "ns1.example.", "_853._tcp.ns1.example."},
		{853, UDP, "NS1.example", "_853._udp.ns1.example."},
		{443, QUIC, "資訊.台灣", "_443._quic.xn--9z2ax7c.xn--kpry57d."},
		{8853, TCP, `a\.b.example`, `_8853._tcp.a\.b.example.`},
	} {
		got, err := Owner(test.port, test.transport, test.host)
		if err != nil || got != test.want {
			t.Errorf("%d %s %s: %q, %v; expected %q", test.port, test.transport, test.host, got, err, test.want)
		}
	}
	long := strings.Repeat(strings.Repeat("a", 61)+".", 4)
	for host, want := range map[string]string{"": "empty label", ".": "root", "a..b": "empty label", long: "name longer than 255 bytes"} {
		if got, err := Owner(853, TCP, host); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; expected %q", host, got, err, want)
		}
	}
	if _, err := Owner(0, TCP, "a"); err == nil {
		t.Error("port 0 was accepted")
	}
}

// TestRecordsMatchTheirCertificate uses another implementation's verification,
// on records that went through their presentation form.
func TestRecordsMatchTheirCertificate(t *testing.T) {
	_, own := leaf(t)
	_, other := leaf(t)
	for _, selector := range []Selector{Cert, SPKI} {
		for _, matching := range []Matching{Full, SHA256, SHA512} {
			rr, err := Record("_853._tcp.ns1.example.", 3600, own, selector, matching)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := dns.NewRR(rr.String())
			if err != nil {
				t.Fatalf("%s: %v", rr, err)
			}
			if err := parsed.(*dns.TLSA).Verify(own); err != nil {
				t.Errorf("%v %v: %v", selector, matching, err)
			}
			if err := parsed.(*dns.TLSA).Verify(other); err == nil {
				t.Errorf("%v %v: matches another certificate", selector, matching)
			}
		}
	}
	if _, err := Record("a.", 0, own, 2, SHA256); err == nil || err.Error() != "selector 2: expected 0 (Cert) or 1 (SPKI)" {
		t.Errorf("selector 2: %v", err)
	}
	if _, err := Record("a.", 0, own, SPKI, 3); err == nil || err.Error() != "matching type 3: expected 0 (Full), 1 (SHA2-256) or 2 (SHA2-512)" {
		t.Errorf("matching type 3: %v", err)
	}
}

func TestRecordsOfTheCurrentAndTheNextKey(t *testing.T) {
	_, current := leaf(t)
	_, next := leaf(t)
	set, err := Records("_853._tcp.ns1.example.", 300, current.PublicKey, next.PublicKey, nil, current.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if len(set) != 2 {
		t.Fatalf("%d records, expected 2: %v", len(set), set)
	}
	for i, of := range []*x509.Certificate{current, next} {
		rr := set[i]
		if rr.Usage != 3 || rr.Selector != 1 || rr.MatchingType != 1 || rr.Hdr.Ttl != 300 {
			t.Errorf("%v: expected 3 1 1 with TTL 300", rr)
		}
		if err := rr.Verify(of); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
	if _, err := Records("a.", 0, "no key"); err == nil {
		t.Error("a string passed for a key")
	}
}

// TestOpenSSLAuthenticatesByTheRecord asks a DANE client that knows no CA.
func TestOpenSSLAuthenticatesByTheRecord(t *testing.T) {
	openssl := peer.Tool(t, "openssl", "openssl")
	pair, own := leaf(t)
	_, other := leaf(t)
	address := serve(t, pair)
	for _, test := range []struct {
		name string
		keys []*x509.Certificate
		good bool
	}{
		{"current", []*x509.Certificate{own}, true},
		{"before a rollover", []*x509.Certificate{own, other}, true},
		{"after a rollover", []*x509.Certificate{other, own}, true},
		{"too late", []*x509.Certificate{other}, false},
	} {
		arguments := []string{"s_client", "-connect", address, "-verify_return_error", "-dane_tlsa_domain", "ns1.example"}
		for _, c := range test.keys {
			set, err := Records("_853._tcp.ns1.example.", 300, c.PublicKey)
			if err != nil {
				t.Fatal(err)
			}
			_, data, _ := strings.Cut(set[0].String(), "TLSA\t")
			arguments = append(arguments, "-dane_tlsa_rrdata", data)
		}
		out, err := exec.CommandContext(t.Context(), openssl, arguments...).CombinedOutput()
		if good := err == nil && strings.Contains(string(out), "Verify return code: 0 (ok)"); good != test.good {
			t.Errorf("%s: authenticated %v, expected %v: %v\n%s", test.name, good, test.good, err, out)
		}
	}
}

// serve does handshakes with pair, until the test ends.
func serve(t *testing.T, pair *tls.Certificate) (address string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*pair}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			talk(conn)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// talk greets a client, and waits until it leaves: openssl does at the end of its
// standard input.
func talk(conn net.Conn) {
	defer conn.Close()
	if _, err := conn.Write([]byte("hello\n")); err == nil {
		bufio.NewReader(conn).ReadByte()
	}
}

func TestPinIsWhatOpenSSLComputes(t *testing.T) {
	openssl := peer.Tool(t, "openssl", "openssl")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	shell := exec.CommandContext(t.Context(), "sh", "-c", openssl+" pkey -inform DER -pubout -outform DER | "+openssl+" dgst -sha256 -binary | "+openssl+" base64")
	shell.Stdin = strings.NewReader(string(der))
	want, err := shell.Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Pin(key.Public())
	if err != nil || got != strings.TrimSpace(string(want)) {
		t.Errorf("pin %s, %v; openssl says %s", got, err, want)
	}
}
