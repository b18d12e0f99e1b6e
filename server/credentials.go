package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"yushan/server/config"
	"yushan/server/query"
	"yushan/tls/cert"
	"yushan/tls/profile"
	"yushan/tls/ticket"
	"yushan/tls/tlsa"
)

// lookAgain is how often certificate files are looked at for a change.
const lookAgain = time.Minute

// warnAgain is how often the log repeats what is doubtful about a certificate: that
// it ends soon, above all.
const warnAgain = 24 * time.Hour

// credentials are the certificates of the encrypted transports, and the keys of
// their session tickets. What a listener shows to its clients is looked up at each
// handshake, so that a reload needs no new listener.
type credentials struct {
	log     *zap.Logger
	tickets *ticket.Keys
	acme    *ordering                  // nil: nothing is ordered
	shown   map[query.Transport]*shown // never changes
	held    []heldCertificate          // nil at the start; Server.mu guards it, and told
	told    map[string]string          // what the log said last about a certificate's files
}

// heldCertificate is a certificate of the configuration with its source.
type heldCertificate struct {
	config.Certificate
	source source
}

// source is a [cert.Source] that can be looked at. It has nothing before a first
// order has been carried out.
type source interface {
	cert.Source
	Current() *tls.Certificate
}

// shown is the certificate that a transport shows. It is a [cert.Source].
type shown struct{ source atomic.Pointer[source] }

var (
	errNoCertificate = errors.New("there is no certificate yet")
	errRestart       = errors.New("this name is not among those that are ordered")
)

func (s *shown) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	source := s.source.Load()
	if source == nil {
		return nil, errNoCertificate
	}
	return (*source).Certificate(hello)
}

// newCredentials reads the keys that the configuration names, while the process
// still may. The error lists all that is in the way.
func newCredentials(cfg *config.Config, log *zap.Logger) (*credentials, error) {
	c := &credentials{log: log, told: map[string]string{}, shown: map[query.Transport]*shown{query.DoT: {}, query.DoH: {}, query.DoQ: {}}}
	var err, failed error
	if c.tickets, err = newTickets(cfg); err != nil {
		failed = err
	}
	if c.acme, err = newOrdering(cfg, log); err != nil {
		failed = errors.Join(failed, fmt.Errorf("acme: %w", err))
	}
	held, err := c.open(cfg)
	if failed = errors.Join(failed, err, c.acme.makeStorage(cfg), c.acme.bind(cfg)); failed != nil {
		c.acme.stop()
		return nil, failed
	}
	c.show(cfg, held)
	return c, nil
}

func newTickets(cfg *config.Config) (*ticket.Keys, error) {
	if cfg.Tickets.SecretFile == "" {
		return ticket.New(ticket.Options{Rotation: cfg.Tickets.Rotation}), nil
	}
	keys, err := ticket.FromFile(cfg.Tickets.SecretFile, cfg.Tickets.Rotation)
	if err != nil {
		return nil, cfg.Problem("tickets.secret-file", err)
	}
	return keys, nil
}

// CheckCredentials reads all certificates, keys and secrets that the configuration
// names; what orders from a CA need only if the configuration is whole, without
// problems. The error lists those that cannot be used, warnings what is doubtful about
// the others.
func CheckCredentials(cfg *config.Config, whole bool) (warnings []string, err error) {
	_, failed := newTickets(cfg)
	for i, c := range cfg.Certificates {
		if c.CertificateFile == "" || c.KeyFile == "" {
			continue
		}
		files, err := openFiles(c, false)
		if err != nil {
			failed = errors.Join(failed, problem(cfg, i, err))
			continue
		}
		for _, w := range files.Warnings() {
			warnings = append(warnings, cfg.Problem(certificateKey(i), fmt.Errorf("warning: certificate %q: %s", c.Name, w)).Error())
		}
	}
	if !whole {
		return warnings, failed
	}
	o, err := newOrdering(cfg, zap.NewNop())
	if err != nil {
		failed = errors.Join(failed, cfg.Problem("acme", err))
	}
	o.stop()
	return warnings, failed
}

func openFiles(c config.Certificate, expiredToo bool) (*cert.Files, error) {
	return cert.OpenFiles(cert.FilesOptions{Certificate: c.CertificateFile, Key: c.KeyFile, NextKey: c.NextKeyFile, ExpiredToo: expiredToo})
}

// open returns the certificates of cfg. Those that are held already are kept with
// their keys.
func (c *credentials) open(cfg *config.Config) (held []heldCertificate, err error) {
	var errs []error
	held = []heldCertificate{} // not nil, which tells the start from a reload
	for i, wanted := range cfg.Certificates {
		if at := slices.IndexFunc(c.held, func(h heldCertificate) bool { return h.Same(wanted) }); at >= 0 {
			held = append(held, heldCertificate{wanted, c.held[at].source})
			continue
		}
		source, err := c.source(wanted)
		if errors.Is(err, errRestart) { // other changes must not wait for it
			c.log.Error("certificate is NOT ordered: a new name needs a restart", zap.String("certificate", wanted.Name), zap.Strings("names", wanted.ACME))
			continue
		}
		if err != nil {
			errs = append(errs, problem(cfg, i, err))
			continue
		}
		if current := source.Current(); current != nil {
			c.log.Info("certificate loaded", describe(wanted.Name, current)...)
		}
		if files, ok := source.(*cert.Files); ok {
			c.warn(wanted.Name, files)
		}
		held = append(held, heldCertificate{wanted, source})
	}
	return held, errors.Join(errs...)
}

func (c *credentials) source(wanted config.Certificate) (source, error) {
	if wanted.ACME != nil {
		return c.ordered(wanted)
	}
	if wanted.CertificateFile != "" {
		// At the start nothing better is there, and port 53 must not wait for it.
		return openFiles(wanted, c.held == nil)
	}
	return selfSigned(wanted.SelfSigned)
}

func (c *credentials) ordered(wanted config.Certificate) (source, error) {
	for _, name := range wanted.ACME {
		if c.acme == nil || !slices.Contains(c.acme.manager.Names(), name) {
			return nil, errRestart
		}
	}
	return &ordered{c.acme.manager, wanted.ACME[0]}, nil
}

func selfSigned(hosts []string) (source, error) {
	options := cert.SelfSignedOptions{}
	for _, host := range hosts {
		if isAddress(host) {
			options.Addresses = append(options.Addresses, netip.MustParseAddr(host))
		} else {
			options.Names = append(options.Names, host)
		}
	}
	return cert.NewSelfSigned(options)
}

// isAddress tells an address in a certificate from a name.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// show makes held what the transports show from now on. Where a certificate isn't to
// be had, a transport goes on to show what it did.
func (c *credentials) show(cfg *config.Config, held []heldCertificate) {
	c.held = held
	for transport, name := range map[query.Transport]string{
		query.DoT: cfg.DoT.Certificate,
		query.DoH: cfg.DoH.Certificate,
		query.DoQ: cfg.DoQ.Certificate,
	} {
		wanted := cfg.CertificateNamed(name)
		if wanted == nil {
			continue
		}
		if i := slices.IndexFunc(held, func(h heldCertificate) bool { return h.Name == wanted.Name }); i >= 0 {
			c.shown[transport].source.Store(&held[i].source)
		}
	}
}

// reread looks at the files of certificates and tickets, and takes over what has
// changed and is good.
func (c *credentials) reread() {
	for _, h := range c.held {
		files, ok := h.source.(*cert.Files)
		if !ok {
			continue
		}
		name := zap.String("certificate", h.Name)
		changed, err := files.Reload()
		c.complain(h.Name, err, "certificate KEEPS ITS OLD FILES: the new ones cannot be used", name)
		if changed {
			c.log.Info("certificate changed", describe(h.Name, files.Current())...)
			c.warn(h.Name, files)
		}
	}
	changed, err := c.tickets.Reload()
	c.complain("", err, "session tickets KEEP THEIR OLD SECRET: the new one cannot be used")
	if changed {
		c.log.Info("secret of session tickets changed")
	}
}

// complain logs an error about what is called name, once for as long as it stays
// the same.
func (c *credentials) complain(name string, err error, message string, fields ...zap.Field) {
	if err == nil {
		delete(c.told, name)
		return
	}
	if c.told[name] != err.Error() {
		c.told[name] = err.Error()
		c.log.Error(message, append(fields, zap.Error(err))...)
	}
}

// warn logs what may become a problem.
func (c *credentials) warn(name string, files *cert.Files) {
	for _, warning := range files.Warnings() {
		c.log.Warn(warning, zap.String("certificate", name))
	}
}

func (c *credentials) warnAll() {
	for _, h := range c.held {
		if files, ok := h.source.(*cert.Files); ok {
			c.warn(h.Name, files)
		}
	}
}

// describe tells what a certificate is good for, and its key's pin (RFC 7858 §4.2).
func describe(name string, c *tls.Certificate) []zap.Field {
	fields := []zap.Field{zap.String("certificate", name)}
	leaf, err := cert.Leaf(c)
	if err != nil {
		return append(fields, zap.Error(err))
	}
	pin, err := tlsa.Pin(leaf.PublicKey)
	if err != nil {
		return append(fields, zap.Error(err))
	}
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return append(fields, zap.Strings("names", names), zap.String("end", leaf.NotAfter.UTC().Format(time.RFC3339)), zap.String("pin", pin))
}

func certificateKey(i int) string { return fmt.Sprintf("certificates[%d]", i) }

// problem tells of a certificate that cannot be had, and where the configuration
// names it.
func problem(cfg *config.Config, i int, err error) error {
	return cfg.Problem(certificateKey(i), fmt.Errorf("certificate %q: %w", cfg.Certificates[i].Name, err))
}

// tls is the configuration of a listener.
func (c *credentials) tls(transport query.Transport, protocols ...string) *tls.Config {
	return profile.New(c.acme.answering(c.shown[transport]), c.tickets, protocols...)
}

// watchCredentials looks at certificate files again and again, until ctx ends.
func (s *Server) watchCredentials(ctx context.Context) {
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	warned := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-again.C:
			s.mu.Lock()
			s.credentials.reread()
			if now.Sub(warned) >= warnAgain {
				warned = now
				s.credentials.warnAll()
			}
			s.mu.Unlock()
		}
	}
}
