package transports

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/internal/peer"
	"yushan/internal/quicload"
)

// TestCertificateFiles replaces files while connections are under way.
func TestCertificateFiles(t *testing.T) {
	t.Parallel()
	s := newServer(t, newSite(t, node1), newAuthority(t))
	first := readCertificate(t, s.dir)
	long := openAll(t, s)
	long.expect(t, first)
	expectShown(t, s, first)

	second := s.authority.issue(time.Now().Add(2*time.Hour), host)
	second.write(t, s.dir)
	s.Reload()
	s.Await(`"message":"certificate changed"`, 1)
	expectShown(t, s, second.cert)
	long.expect(t, first)

	other := s.authority.issue(time.Now().Add(3*time.Hour), host)
	refused := 0
	for _, bad := range []struct {
		what, complaint string
		write           func()
	}{
		{"a certificate without its key", "key.pem: the private key does not belong to the certificate", func() {
			writePEM(t, filepath.Join(s.dir, "cert.pem"), "CERTIFICATE", other.cert.Raw)
		}},
		{"an expired pair", "cert.pem: the certificate (ns1.example) expired on", func() {
			s.authority.issue(time.Now().Add(-time.Hour), host).write(t, s.dir)
		}},
		{"half a file", "cert.pem:", func() {
			text, err := os.ReadFile(filepath.Join(s.dir, "cert.pem"))
			if err == nil {
				err = os.WriteFile(filepath.Join(s.dir, "cert.pem"), text[:len(text)/2], 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}},
		{"no file", "cert.pem:", func() {
			if err := os.Remove(filepath.Join(s.dir, "cert.pem")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		bad.write()
		s.Reload()
		refused++
		s.Await(`"message":"certificate KEEPS ITS OLD FILES`, refused)
		var complaint string
		for line := range strings.Lines(s.Log()) {
			if strings.Contains(line, "KEEPS ITS OLD FILES") {
				complaint = line
			}
		}
		if !strings.Contains(complaint, bad.complaint) {
			t.Errorf("after %s the log says %s, expected %q", bad.what, complaint, bad.complaint)
		}
		expectShown(t, s, second.cert)
		long.expect(t, first)
	}

	other.write(t, s.dir)
	s.Reload()
	s.Await(`"message":"certificate changed"`, 2)
	expectShown(t, s, other.cert)
	long.expect(t, first)

	// Another source altogether.
	s.Configure(s.config("certificates: [{name: main, self-signed: [ns2.example]}]"))
	s.Reload()
	own := shownDoT(t, s.tls.String())
	if err := own.VerifyHostname("ns2.example"); err != nil || own.Issuer.CommonName != "ns2.example" {
		t.Errorf("expected a self-signed certificate for ns2.example: %v, issued by %v", err, own.Issuer)
	}
	expectShown(t, s, own)
	long.expect(t, first)
}

// connections are one of each transport that stay open.
type connections struct {
	dot  *tls.Conn
	doq  *quic.Conn
	http map[string]*http.Client // with one connection each
	url  string
}

func openAll(t *testing.T, s *server) *connections {
	t.Helper()
	c := &connections{
		dot:  dialDoT(t, s.tls, clientTLS(s.authority)),
		doq:  dialDoQ(t, s.tls, clientTLS(s.authority, "doq")),
		http: map[string]*http.Client{},
		url:  s.url(),
	}
	for _, version := range []string{"HTTP/1.1", "HTTP/2", "HTTP/3"} {
		c.http[version] = web(t, version, s.web, clientTLS(s.authority))
	}
	return c
}

// expect asks over all of them, which must be the same connections as at the beginning: a new
// one would have another certificate.
func (c *connections) expect(t *testing.T, cert *x509.Certificate) {
	t.Helper()
	if err := writeFrames(c.dot, asked.wire(t)); err != nil {
		t.Fatal(err)
	}
	answer, err := readFrame(c.dot)
	if err != nil {
		t.Fatalf("DoT: %v", err)
	}
	checkAsked(t, answer)
	checkAsked(t, askDoQ(t, c.doq, asked.wire(t)))
	for version, client := range c.http {
		answer, response, err := askDoH(client, dohRequest(t, http.MethodPost, c.url, asked.wire(t)))
		if err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		checkAsked(t, answer)
		if !response.TLS.PeerCertificates[0].Equal(cert) {
			t.Errorf("%s: the connection did not stay open", version)
		}
	}
}

// expectShown checks what new connections are shown.
func expectShown(t *testing.T, s *server, want *x509.Certificate) {
	t.Helper()
	unchecked := &tls.Config{InsecureSkipVerify: true}
	if got := shownDoT(t, s.tls.String()); !got.Equal(want) {
		t.Errorf("DoT shows the certificate until %s, expected that until %s", got.NotAfter, want.NotAfter)
	}
	doq := unchecked.Clone()
	doq.NextProtos = []string{"doq"}
	conn := dialDoQ(t, s.tls, doq)
	if got := conn.ConnectionState().TLS.PeerCertificates[0]; !got.Equal(want) {
		t.Errorf("DoQ shows the certificate until %s, expected that until %s", got.NotAfter, want.NotAfter)
	}
	conn.CloseWithError(0, "")
	for _, version := range []string{"HTTP/1.1", "HTTP/2", "HTTP/3"} {
		_, response, err := askDoH(web(t, version, s.web, unchecked), dohRequest(t, http.MethodPost, s.url(), asked.wire(t)))
		if err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		if got := response.TLS.PeerCertificates[0]; !got.Equal(want) {
			t.Errorf("%s shows the certificate until %s, expected that until %s", version, got.NotAfter, want.NotAfter)
		}
	}
}

// shownDoT is the certificate that DoT shows to whoever asks.
func shownDoT(t *testing.T, at string) *x509.Certificate {
	t.Helper()
	d := tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{InsecureSkipVerify: true}}
	conn, err := d.DialContext(deadline(t), "tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
}

// TestBadCertificateAtStart has nothing older to fall back on.
func TestBadCertificateAtStart(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	good := a.issue(time.Now().Add(time.Hour), host)
	for _, tt := range []struct {
		what, complaint string
		write           func(dir string)
	}{
		{"another key", "key.pem: the private key does not belong to the certificate ", func(dir string) {
			pair{good.cert, newKey(t)}.write(t, dir)
		}},
		{"no certificate", "cert.pem: ", func(dir string) {
			good.write(t, dir)
			os.Remove(filepath.Join(dir, "cert.pem"))
		}},
	} {
		at := newSite(t, node1)
		tt.write(at.dir)
		config := filepath.Join(at.dir, "yushan.yaml")
		if err := os.WriteFile(config, []byte(at.config()), 0o600); err != nil {
			t.Fatal(err)
		}
		_, stderr, code := peer.RunYushan(t, program, "serve", "--config", config)
		if code != 1 || !strings.Contains(stderr, `certificate "main": `) || !strings.Contains(stderr, tt.complaint) {
			t.Errorf("%s: exit %d with\n%s\nexpected 1 and %q", tt.what, code, stderr, tt.complaint)
		}
	}
}

// TestExpiredAtStart has only an expired certificate: that is said, and all is served, since
// opportunistic clients and those of port 53 don't mind.
func TestExpiredAtStart(t *testing.T) {
	t.Parallel()
	at, a := newSite(t, node1), newAuthority(t)
	expired := a.issue(time.Now().Add(-3*time.Hour), host)
	expired.write(t, at.dir)
	s := &server{peer.StartYushan(t, program, at.dir, at.config()), at, a}
	s.Await("cert.pem: the certificate (ns1.example) expired on ", 1)
	expectShown(t, s, expired.cert)
	checkAsked(t, exchange(t, s.dns, false, asked.wire(t))[0])
	var invalid x509.CertificateInvalidError
	if _, err := tls.Dial("tcp", s.tls.String(), clientTLS(a, "dot")); !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("a client that checks certificates says: %v, expected that it has expired", err)
	}
	renewed := a.issue(time.Now().Add(time.Hour), host)
	renewed.write(t, s.dir)
	s.Reload()
	expectShown(t, s, renewed.cert)
}

// TestSelfSigned needs no files, and no client can check who it is.
func TestSelfSigned(t *testing.T) {
	t.Parallel()
	at := newSite(t, node1)
	config := at.config("certificates: [{name: main, self-signed: [ns1.example, 127.0.0.1]}]")
	s := peer.StartYushan(t, program, at.dir, config)
	first := shownDoT(t, at.tls.String())
	for _, name := range []string{host, node1.String()} {
		if err := first.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if first.Subject.CommonName != host {
		t.Errorf("its subject is %v, expected the common name %s, without which kdig fails", first.Subject, host)
	}
	s.Reload()
	if got := shownDoT(t, at.tls.String()); !got.Equal(first) {
		t.Error("a reload has changed it")
	}
	// Opportunistic clients are content with any (RFC 9539 §4.6.3), others are not.
	conn, err := quic.DialAddr(deadline(t), at.tls.String(), quicload.ClientTLS("doq"), nil)
	if err != nil {
		t.Fatal(err)
	}
	checkAsked(t, askDoQ(t, conn, asked.wire(t)))
	conn.CloseWithError(0, "")
	if conn, err := tls.Dial("tcp", at.tls.String(), clientTLS(newAuthority(t), "dot")); err == nil {
		conn.Close()
		t.Error("a client that checks certificates took it")
	}
}
