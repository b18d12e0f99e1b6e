package cert

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// Source is where a listener's certificate comes from. Any goroutine may call it.
type Source interface {
	// Certificate is for tls.Config.GetCertificate. The certificate it returns is
	// shared: nobody changes it.
	Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

var (
	_ Source = (*SelfSigned)(nil)
	_ Source = (*Files)(nil)
)

// Leaf returns the server's own certificate, parsed: the first of the chain.
func Leaf(c *tls.Certificate) (*x509.Certificate, error) {
	switch {
	case c == nil || len(c.Certificate) == 0:
		return nil, errors.New("there is no certificate")
	case c.Leaf != nil:
		return c.Leaf, nil
	}
	return x509.ParseCertificate(c.Certificate[0])
}

// PEM returns the chain as a file has it, without the private key: what a client
// may be given to trust (kdig's +tls-ca, curl's --cacert).
func PEM(c *tls.Certificate) []byte {
	var out bytes.Buffer
	for _, der := range c.Certificate {
		pem.Encode(&out, &pem.Block{Type: certificateType, Bytes: der}) // a Buffer takes all
	}
	return out.Bytes()
}
