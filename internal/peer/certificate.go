package peer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificate is one that signs itself, in files for servers and in memory for
// clients.
type Certificate struct {
	CertFile, KeyFile string // PEM
	Name              string // its subject's common name
	PEM               []byte // what CertFile holds
	pool              *x509.CertPool
}

// Client returns the configuration of a client that trusts this certificate and no
// other one.
func (c *Certificate) Client() *tls.Config {
	return &tls.Config{RootCAs: c.pool, ServerName: c.Name, MinVersion: tls.VersionTLS12}
}

// newCertificate makes one for a day and writes it into a directory.
func newCertificate(dir, name string, dnsNames []string, ip net.IP) (*Certificate, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		DNSNames:              dnsNames,
		IPAddresses:           []net.IP{ip},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return nil, err
	}
	c := &Certificate{
		CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), Name: name,
		PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pool: x509.NewCertPool(),
	}
	c.pool.AppendCertsFromPEM(c.PEM)
	if err := os.WriteFile(c.CertFile, c.PEM, 0o600); err != nil {
		return nil, err
	}
	return c, os.WriteFile(c.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600)
}
