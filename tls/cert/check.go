package cert

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// parse makes a certificate of the files' content.
func (p *pair) parse(o FilesOptions) error {
	chain, err := parseChain(p.content[0])
	if err != nil {
		return fmt.Errorf("%s: %w", o.Certificate, err)
	}
	key, err := parsePrivateKey(p.content[1])
	if err != nil {
		return fmt.Errorf("%s: %w", o.Key, err)
	}
	if err := matches(chain, key.Public(), o); err != nil {
		return err
	}
	leaf := chain[0]
	if err := current(leaf, o.Now()); err != nil && !(o.ExpiredToo && errors.Is(err, ErrExpired)) {
		return fmt.Errorf("%s: %w", o.Certificate, err)
	}
	if o.NextKey != "" {
		if p.next, err = parsePublicKey(p.content[2]); err != nil {
			return fmt.Errorf("%s: %w", o.NextKey, err)
		}
	}
	p.certificate = &tls.Certificate{PrivateKey: key, Leaf: leaf}
	for _, c := range chain {
		p.certificate.Certificate = append(p.certificate.Certificate, c.Raw)
	}
	for _, text := range doubts(chain, o.Now()) {
		p.warnings = append(p.warnings, o.Certificate+": "+text)
	}
	return nil
}

// matches reports a key that is not the first certificate's.
func matches(chain []*x509.Certificate, key crypto.PublicKey, o FilesOptions) error {
	if equalKeys(key, chain[0].PublicKey) {
		return nil
	}
	for i, c := range chain[1:] {
		if equalKeys(key, c.PublicKey) {
			return fmt.Errorf("%s: the server's own certificate (%s) is number %d of the file: it must come first, its issuer's after it", o.Certificate, subject(c), i+2)
		}
	}
	return fmt.Errorf("%s: %w %s (%s)", o.Key, ErrKeyMismatch, o.Certificate, subject(chain[0]))
}

// current reports a certificate that is not valid now.
func current(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate (%s) %w on %s, %s ago", subject(leaf), ErrExpired, date(leaf.NotAfter), span(now.Sub(leaf.NotAfter)))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate (%s) is %w: it begins on %s, in %s; is this machine's clock right?", subject(leaf), ErrNotYetValid, date(leaf.NotBefore), span(leaf.NotBefore.Sub(now)))
	}
	return nil
}

// expiry is a warning in the last sixth of a certificate's life, "" before.
func expiry(leaf *x509.Certificate, now time.Time) string {
	left := leaf.NotAfter.Sub(now)
	switch {
	case left < 0:
		return current(leaf, now).Error() + ", and is still in service"
	case left < leaf.NotAfter.Sub(leaf.NotBefore)/6:
		return fmt.Sprintf("the certificate (%s) expires in %s, on %s", subject(leaf), span(left), date(leaf.NotAfter))
	}
	return ""
}

// doubts are the things that some clients won't accept, and a server can't know.
func doubts(chain []*x509.Certificate, now time.Time) (out []string) {
	leaf := chain[0]
	if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		out = append(out, "the certificate has no subject alternative name: clients that check names refuse it")
	}
	if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0 && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
		out = append(out, "the certificate is not meant for servers: its extended key usage lacks serverAuth")
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		out = append(out, fmt.Sprintf("an RSA key of %d bits: clients want 2048 at least; ECDSA P-256 is cheaper for everybody", key.N.BitLen()))
	}
	for i, issuer := range chain[1:] {
		if issued := chain[i]; !bytes.Equal(issued.RawIssuer, issuer.RawSubject) || issued.CheckSignatureFrom(issuer) != nil {
			out = append(out, fmt.Sprintf("certificate %d of the file (%s) did not issue number %d (%s): each must be followed by its issuer's, or some clients find no chain", i+2, subject(issuer), i+1, subject(issued)))
		}
		if err := current(issuer, now); err != nil {
			out = append(out, err.Error())
		}
	}
	return out
}

// subject names a certificate in messages.
func subject(c *x509.Certificate) string {
	switch {
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	case c.Subject.CommonName != "":
		return c.Subject.CommonName
	case len(c.IPAddresses) > 0:
		return c.IPAddresses[0].String()
	}
	return "serial number " + c.SerialNumber.Text(16)
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// span is a duration as people say it.
func span(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if n := int(d / unit.size); n > 1 {
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	return "a minute"
}
