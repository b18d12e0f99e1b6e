package profile

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"yushan/tls/cert"
	"yushan/tls/ticket"
)

func server(t testing.TB, protocols ...string) *tls.Config {
	t.Helper()
	source, err := cert.NewSelfSigned(cert.SelfSignedOptions{Names: []string{"ns1.example"}})
	if err != nil {
		t.Fatal(err)
	}
	return New(source, ticket.New(ticket.Options{}), protocols...)
}

func client(change func(*tls.Config)) *tls.Config {
	c := &tls.Config{ServerName: "ns1.example", InsecureSkipVerify: true}
	change(c)
	return c
}

// handshake returns what the client sees, and what went wrong on either side.
func handshake(client, server *tls.Config) (state tls.ConnectionState, clientErr, serverErr error) {
	near, far := net.Pipe()
	done := make(chan error, 1)
	go func() {
		conn := tls.Server(far, server)
		err := conn.Handshake()
		if err == nil {
			_, err = conn.Write([]byte("x"))
		}
		done <- err
		far.Close()
	}()
	conn := tls.Client(near, client)
	clientErr = conn.Handshake()
	if clientErr == nil {
		_, clientErr = io.ReadFull(conn, make([]byte, 1))
	}
	state = conn.ConnectionState()
	near.Close() // without an alert, which nobody would read any more
	return state, clientErr, <-done
}

func TestVersions(t *testing.T) {
	for version, good := range map[uint16]bool{
		tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true,
	} {
		state, err, _ := handshake(client(func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version }), server(t, DoT))
		if good && (err != nil || state.Version != version) {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if !good && !isAlert(err, 70) {
			t.Errorf("%s: %v, expected the alert protocol_version", tls.VersionName(version), err)
		}
	}
}

// isAlert says whether the other side sent this alert (RFC 8446 §6).
func isAlert(err error, alert tls.AlertError) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" && op.Err.Error() == alert.Error()
}

func TestSuitesOfTLS12(t *testing.T) {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if slices.Contains(suite.SupportedVersions, tls.VersionTLS13) || strings.Contains(suite.Name, "_RSA_") && strings.HasPrefix(suite.Name, "TLS_ECDHE_") {
			continue // TLS 1.3's, or for a certificate with an RSA key
		}
		good := strings.HasPrefix(suite.Name, "TLS_ECDHE_ECDSA_WITH_") && (strings.Contains(suite.Name, "_GCM_") || strings.Contains(suite.Name, "_CHACHA20_"))
		state, err, _ := handshake(client(func(c *tls.Config) {
			c.MaxVersion = tls.VersionTLS12
			c.CipherSuites = []uint16{suite.ID}
		}), server(t, DoT))
		if good && (err != nil || state.CipherSuite != suite.ID) {
			t.Errorf("%s: %v", suite.Name, err)
		}
		if !good && err == nil {
			t.Errorf("%s was accepted", suite.Name)
		}
	}
}

func TestKeyExchanges(t *testing.T) {
	for curve, good := range map[tls.CurveID]bool{
		tls.X25519MLKEM768: true, tls.X25519: true, tls.CurveP256: true, tls.CurveP384: false, tls.CurveP521: false,
	} {
		state, err, _ := handshake(client(func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{curve} }), server(t, DoT))
		if good && (err != nil || state.CurveID != curve) {
			t.Errorf("%v: %v, used %v", curve, err, state.CurveID)
		}
		if !good && !isAlert(err, 40) {
			t.Errorf("%v: %v, expected the alert handshake_failure", curve, err)
		}
	}
}

func TestALPN(t *testing.T) {
	for _, test := range []struct {
		offered []string
		served  []string
		want    string
		refused bool
	}{
		{[]string{DoT}, []string{DoT}, DoT, false},
		{nil, []string{DoT}, "", false},
		{[]string{"h2", DoT}, []string{DoT}, DoT, false},
		{[]string{"h2"}, []string{DoT}, "", true},
		{[]string{"DOT"}, []string{DoT}, "", true},
		{[]string{"http/1.1"}, []string{DoT}, "", true},
		{[]string{HTTP1, HTTP2}, []string{HTTP2, HTTP1}, HTTP2, false},
		{[]string{HTTP1}, []string{HTTP2, HTTP1}, HTTP1, false},
		{[]string{DoT}, []string{HTTP2, HTTP1}, "", true},
		{nil, []string{HTTP2, HTTP1}, "", false},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			state, err, _ := handshake(client(func(c *tls.Config) {
				c.MaxVersion, c.NextProtos = version, test.offered
			}), server(t, test.served...))
			switch {
			case test.refused && !isAlert(err, 120):
				t.Errorf("%s: offered %q to %q: %v, expected the alert no_application_protocol", tls.VersionName(version), test.offered, test.served, err)
			case !test.refused && (err != nil || state.NegotiatedProtocol != test.want):
				t.Errorf("%s: offered %q to %q: %q, %v; expected %q", tls.VersionName(version), test.offered, test.served, state.NegotiatedProtocol, err, test.want)
			}
		}
	}
}

func TestACallerMayChangeTheResult(t *testing.T) {
	a := server(t, DoT)
	a.CipherSuites[0], a.CurvePreferences[0] = 0, 0
	b := server(t, DoT)
	if b.CipherSuites[0] == 0 || b.CurvePreferences[0] == 0 {
		t.Error("a change of one listener's configuration showed in another's")
	}
}
