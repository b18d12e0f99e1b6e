package quicload

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

// Name is the certificate's subject.
const Name = "localhost"

// ServerTLS is a server's configuration with a certificate of its own, for the
// application protocols given.
func ServerTLS(tb testing.TB, protocols ...string) *tls.Config {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: Name}, // kdig 3.2 looks for one
		DNSNames:     []string{Name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   protocols,
	}
}

// ClientTLS trusts any server, and remembers sessions.
func ClientTLS(protocols ...string) *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true,
		ServerName:         Name,
		NextProtos:         protocols,
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
}
