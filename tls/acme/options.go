package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"yushan/zone/dname"
)

// Options say which certificates to get, and how.
type Options struct {
	// Names are the subjects, in presentation form, U-labels allowed: names of
	// hosts, "*." before one, or IP addresses (RFC 8738). One at least. The
	// first also serves clients that name none, or one that is not here.
	Names []string
	// Directory is the URL of the CA; "" means Let's Encrypt, whose rules are
	// agreed to by using it, as are those of any other CA.
	Directory string
	// Profile is which of the sorts of certificates to order that the CA lists in
	// its directory; "" leaves it to the CA.
	Profile string
	// Email is where the CA may write to; "" is allowed.
	Email string
	// Storage is the directory for accounts, keys and certificates. Nodes that
	// serve the same names must share it, on a file system where creating a file
	// exclusively works for all of them.
	Storage string
	// Roots are the CAs by which the CA's own HTTPS is checked; nil means the system's.
	Roots *x509.CertPool
	// Challenges publishes DNS-01 challenges. With it, that is the only sort used.
	Challenges Challenges
	// HTTP01 says that a listener on port 80 of the names has [Manager.HTTPHandler].
	HTTP01 bool
	// TLSALPN01 says that a listener on port 443 of the names offers [Manager.Protocols].
	TLSALPN01 bool
	// ReuseKeys keeps the key of a certificate when it is renewed.
	ReuseKeys bool
	// Log is told what happens; nil: nobody is.
	Log *zap.Logger
}

// Challenges publishes DNS-01 challenges: TXT records, on all servers that the CA
// could ask. Several may be there under one name. Any goroutine may call it.
type Challenges interface {
	// Present returns when whichever server is asked has the record.
	Present(ctx context.Context, name, value string) error
	// Remove takes it away again. It is no error if it is not there.
	Remove(ctx context.Context, name, value string) error
}

// check returns the subjects as certificates have them.
func (o *Options) check() (names []string, err error) {
	if len(o.Names) == 0 {
		return nil, errors.New("ACME: no names to get certificates for")
	}
	switch {
	case o.Challenges == nil && !o.HTTP01 && !o.TLSALPN01:
		return nil, errors.New("ACME: no challenge can be answered: DNS-01, HTTP-01 and TLS-ALPN-01 are all off")
	case o.Challenges != nil && (o.HTTP01 || o.TLSALPN01):
		return nil, errors.New("ACME: DNS-01 is used alone, or not at all")
	}
	for _, text := range o.Names {
		name, err := subject(text)
		if err != nil {
			return nil, err
		}
		_, errAddress := netip.ParseAddr(name)
		switch {
		case o.Challenges == nil && strings.HasPrefix(name, "*."):
			return nil, fmt.Errorf("ACME: %q: a wildcard needs DNS-01", text)
		case o.Challenges != nil && errAddress == nil:
			return nil, fmt.Errorf("ACME: %q: an address needs HTTP-01 or TLS-ALPN-01", text)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if o.Directory != "" {
		u, err := url.Parse(o.Directory)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("ACME: directory %q is not an https URL", o.Directory)
		}
	}
	if o.Storage == "" {
		return nil, errors.New("ACME: no storage directory")
	}
	// It is made when something is stored.
	switch info, err := os.Stat(o.Storage); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("ACME: storage: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("ACME: storage: %s is not a directory", o.Storage)
	}
	return names, nil
}

// subject returns a name as a certificate has it: A-labels, lower case, no final dot.
func subject(text string) (string, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return a.String(), nil
	}
	wire, err := dname.ParseFQDN(text)
	if err != nil {
		return "", fmt.Errorf("ACME: name %q: %w", text, err)
	}
	name := strings.ToLower(strings.TrimSuffix(dname.String(wire), "."))
	if !certmagic.SubjectQualifiesForCert(name) || name == "*" {
		return "", fmt.Errorf("ACME: %q is not a name that a certificate can have", text)
	}
	return name, nil
}
