package server

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"go.uber.org/zap"

	"yushan/server/config"
	"yushan/server/query"
	"yushan/tls/cert"
)

// Published is what can be known of a server's certificates without running it.
type Published struct {
	// Keys are the public keys of each transport's certificate, the one in service first,
	// then the next, nil if that isn't known. A transport has none whose
	// certificate is made when the server starts, or hasn't been ordered yet.
	Keys map[query.Transport][]crypto.PublicKey
	// Names are those in the certificates, A-labels without final dot, wildcards
	// left out.
	Names []string
	// Unknown says of which certificates there is nothing to know, and why.
	Unknown []string
}

// ReadPublished reads the certificates that the configuration's listeners use. The error
// says which cannot be read.
func ReadPublished(ctx context.Context, cfg *config.Config) (*Published, error) {
	p := &Published{Keys: map[query.Transport][]crypto.PublicKey{}}
	for _, t := range []struct {
		transport   query.Transport
		certificate string
		listens     bool
	}{
		{query.DoT, cfg.DoT.Certificate, len(cfg.DoT.Listen) > 0},
		{query.DoH, cfg.DoH.Certificate, len(cfg.DoH.Listen) > 0},
		{query.DoQ, cfg.DoQ.Certificate, len(cfg.DoQ.Listen) > 0},
	} {
		if !t.listens {
			continue
		}
		c := cfg.CertificateNamed(t.certificate)
		keys, names, err := p.read(ctx, cfg, c)
		if err != nil {
			return nil, fmt.Errorf("certificate %q: %w", c.Name, err)
		}
		p.Keys[t.transport] = keys
		for _, name := range names {
			if !strings.HasPrefix(name, "*.") && !slices.Contains(p.Names, name) {
				p.Names = append(p.Names, name)
			}
		}
	}
	return p, nil
}

func (p *Published) read(ctx context.Context, cfg *config.Config, c *config.Certificate) (keys []crypto.PublicKey, names []string, err error) {
	switch {
	case c.CertificateFile != "":
		files, err := openFiles(*c, true)
		if err != nil {
			return nil, nil, err
		}
		leaf, err := cert.Leaf(files.Current())
		if err != nil {
			return nil, nil, err
		}
		return []crypto.PublicKey{leaf.PublicKey, files.NextKey()}, leaf.DNSNames, nil
	case c.ACME != nil:
		o, err := newOrdering(cfg, zap.NewNop())
		if err != nil {
			return nil, nil, err
		}
		defer o.stop()
		for _, name := range c.ACME {
			leaf, err := o.manager.Stored(ctx, name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				p.unknown(c.Name, "none has been ordered for "+name+" yet")
			case err != nil:
				return nil, nil, err
			default:
				keys = append(keys, leaf.PublicKey)
			}
		}
		return keys, c.ACME, nil
	}
	p.unknown(c.Name, "a self-signed certificate has a new key at each start")
	for _, host := range c.SelfSigned {
		if !isAddress(host) {
			names = append(names, host)
		}
	}
	return nil, names, nil
}

func (p *Published) unknown(name, why string) {
	line := fmt.Sprintf("certificate %q: %s", name, why)
	if !slices.Contains(p.Unknown, line) {
		p.Unknown = append(p.Unknown, line)
	}
}
