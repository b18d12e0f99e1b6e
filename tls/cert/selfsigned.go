package cert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"yushan/zone/dname"
)

// SelfSignedOptions say for whom a certificate is.
type SelfSignedOptions struct {
	// Names are the server's host names, as U-labels or A-labels, with or without a
	// final dot; "*.example" is a wildcard.
	Names []string
	// Addresses are the server's addresses. There must be a name or an address.
	Addresses []netip.Addr
	// Validity is how long a certificate is valid: 90 days, if 0; at least a minute.
	Validity time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// SelfSigned makes its own certificate, and a new one when two thirds of its time
// are over. The key, ECDSA P-256, lives as long as the process and is written
// nowhere, so a pin or a TLSA record stays true until the next start.
type SelfSigned struct {
	options SelfSignedOptions // with names in A-labels, and without zero values
	key     *ecdsa.PrivateKey
	issued  atomic.Pointer[issued]
	mu      sync.Mutex // held to issue
}

// issued is a certificate and the time from which on it is replaced.
type issued struct {
	certificate *tls.Certificate
	replace     time.Time
}

const (
	defaultValidity = 90 * 24 * time.Hour
	minValidity     = time.Minute
	// backdate makes a new certificate valid for clients whose clock is behind.
	backdate = time.Hour
	// maxCommonName is RFC 5280's ub-common-name.
	maxCommonName = 64
)

// NewSelfSigned makes a key and the first certificate.
func NewSelfSigned(options SelfSignedOptions) (*SelfSigned, error) {
	options, err := options.complete()
	if err != nil {
		return nil, fmt.Errorf("self-signed certificate: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("self-signed certificate: making a key: %w", err)
	}
	s := &SelfSigned{options: options, key: key}
	first, err := s.issue()
	if err != nil {
		return nil, fmt.Errorf("self-signed certificate: %w", err)
	}
	s.issued.Store(first)
	return s, nil
}

func (o SelfSignedOptions) complete() (SelfSignedOptions, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Validity == 0 {
		o.Validity = defaultValidity
	}
	if o.Validity < minValidity {
		return o, fmt.Errorf("valid for %v: expected at least %v", o.Validity, minValidity)
	}
	if len(o.Names)+len(o.Addresses) == 0 {
		return o, errors.New("no name and no address to make it for")
	}
	o.Names = slices.Clone(o.Names)
	for i, name := range o.Names {
		host, err := hostName(name)
		if err != nil {
			return o, fmt.Errorf("name %q: %w", name, err)
		}
		o.Names[i] = host
	}
	for _, a := range o.Addresses {
		if !a.IsValid() {
			return o, errors.New("one of the addresses is empty")
		}
	}
	return o, nil
}

// hostName returns name as a subject alternative name has it: A-labels in lower
// case, no final dot (RFC 5280 §4.2.1.6).
func hostName(name string) (string, error) {
	wire, err := dname.ParseFQDN(name)
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(dname.String(dname.AppendLower(nil, wire)), ".")
	if text == "" {
		return "", errors.New("the root is not a host")
	}
	for _, c := range strings.TrimPrefix(text, "*.") {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-._", c) {
			return "", fmt.Errorf("%q does not belong into a host name", c)
		}
	}
	return text, nil
}

// issue makes a certificate that is valid from now on.
func (s *SelfSigned) issue() (*issued, error) {
	now := s.options.Now()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: s.commonName()},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(s.options.Validity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              s.options.Names,
	}
	for _, a := range s.options.Addresses {
		template.IPAddresses = append(template.IPAddresses, net.IP(a.Unmap().AsSlice()))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, s.key.Public(), s.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &issued{
		certificate: &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: s.key, Leaf: leaf},
		replace:     now.Add(s.options.Validity / 3 * 2),
	}, nil
}

// commonName is the first name that fits. Clients look at the alternative names
// instead (RFC 9525), but kdig 3.2 shows nothing without a subject.
func (s *SelfSigned) commonName() string {
	for _, name := range s.options.Names {
		if len(name) <= maxCommonName {
			return name
		}
	}
	if len(s.options.Addresses) > 0 {
		return s.options.Addresses[0].String()
	}
	return s.options.Names[0][:maxCommonName]
}

// Certificate returns the certificate for the next handshake; it is the same for
// all clients.
func (s *SelfSigned) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.Current(), nil
}

// Current is the certificate in service.
func (s *SelfSigned) Current() *tls.Certificate {
	i := s.issued.Load()
	if now := s.options.Now(); !now.Before(i.replace) || now.Before(i.certificate.Leaf.NotBefore) {
		i = s.replace()
	}
	return i.certificate
}

// replace issues a certificate, unless another goroutine just did.
func (s *SelfSigned) replace() *issued {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.issued.Load()
	if now := s.options.Now(); now.Before(i.replace) && !now.Before(i.certificate.Leaf.NotBefore) {
		return i
	}
	next, err := s.issue()
	if err != nil { // the same template and key made a certificate before
		return i
	}
	s.issued.Store(next)
	return next
}
