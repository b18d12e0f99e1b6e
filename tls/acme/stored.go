package acme

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/caddyserver/certmagic"
)

// Stored returns the certificate that the storage has for one of [Manager.Names],
// whether or not the manager was started. The error wraps [fs.ErrNotExist] if there is
// none yet.
func (m *Manager) Stored(ctx context.Context, name string) (*x509.Certificate, error) {
	text, err := m.config.Storage.Load(ctx, certmagic.StorageKeys.SiteCert(m.issuer.IssuerKey(), name))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("the stored certificate for %s is not PEM", name)
	}
	return x509.ParseCertificate(block.Bytes)
}
