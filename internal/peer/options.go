package peer

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// Options are what servers of a test do beyond plain DNS.
type Options struct {
	// TLS has them serve the encrypted transports that they know, on ports of their
	// own: NSD DoT, BIND DoT and DoH over HTTP/2. The Knot of Debian 12 knows none.
	TLS *Certificate
	// Transfer lets anyone of this machine transfer the zones.
	Transfer bool
	// TransferKey lets its holders transfer the zones.
	TransferKey *TransferKey
}

// DoHPath is where BIND takes DoH's queries.
const DoHPath = "/dns-query"

// TransferKey is a TSIG key (RFC 8945).
type TransferKey struct {
	Name      string // a domain name, with or without the final dot
	Algorithm string // "hmac-sha256"
	Secret    string // in base64
}

// NewTransferKey makes a key with a fresh secret.
func NewTransferKey(name string) *TransferKey {
	secret := make([]byte, 32)
	rand.Read(secret) // which never fails
	return &TransferKey{Name: name, Algorithm: "hmac-sha256", Secret: base64.StdEncoding.EncodeToString(secret)}
}

// check refuses what a kind of server can't do.
func (o Options) check(kind Kind) error {
	if o.TLS != nil && kind == Knot {
		return fmt.Errorf("the %s of Debian 12 serves no encrypted transports", kind)
	}
	return nil
}

// Encrypts tells whether servers of this kind serve DoT, and whether DoH too.
func (k Kind) Encrypts() (dot, doh bool) { return k != Knot, k == BIND }

// choosePorts finds free ports for what the server shall listen to.
func (s *instance) choosePorts() (err error) {
	dot, doh := s.kind.Encrypts()
	ports := []*uint16{&s.port}
	if s.opts.TLS != nil && dot {
		ports = append(ports, &s.dotPort)
	}
	if s.opts.TLS != nil && doh {
		ports = append(ports, &s.dohPort)
	}
	var taken []uint16
	for _, port := range ports {
		for *port == 0 || slices.Contains(taken, *port) {
			if *port, err = freePort(); err != nil {
				return err
			}
		}
		taken = append(taken, *port)
	}
	return nil
}

// checkTLS finds out whether it is the server that has its encrypted ports.
func (s *instance) checkTLS(ctx context.Context) error {
	for _, port := range []uint16{s.dotPort, s.dohPort} {
		if port == 0 {
			continue
		}
		d := tls.Dialer{Config: s.opts.TLS.Client()}
		conn, err := d.DialContext(ctx, "tcp", loopback(port).String())
		if err != nil {
			return fmt.Errorf("%s on its encrypted port: %w", s.kind.Program(), err)
		}
		conn.Close()
	}
	return nil
}

// transferKey returns the key with its name as configurations have it.
func (s *instance) transferKey() (key TransferKey, ok bool) {
	if s.opts.TransferKey == nil {
		return key, false
	}
	key = *s.opts.TransferKey
	key.Name = dns.Fqdn(key.Name)
	return key, true
}

func loopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

func addrUnlessZero(port uint16) netip.AddrPort {
	if port == 0 {
		return netip.AddrPort{}
	}
	return loopback(port)
}

// NewCertificate makes a certificate for "localhost" and 127.0.0.1 that signs itself,
// in files of the test.
func NewCertificate(t testing.TB) *Certificate {
	t.Helper()
	c, err := newCertificate(t.TempDir(), "localhost", []string{"localhost"}, net.IPv4(127, 0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
