package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Manager gets certificates, keeps them valid, and hands them to TLS. It is a
// source of certificates for listeners. Its methods may be called by any goroutine.
type Manager struct {
	names   []string
	log     *zap.Logger
	tlsALPN bool
	cache   *certmagic.Cache
	config  *certmagic.Config
	issuer  *certmagic.ACMEIssuer
	decoy   net.Listener  // nil with DNS-01
	retry   time.Duration // see firstRetry

	mu     sync.Mutex
	cancel context.CancelFunc // nil before Start
	closed bool
	tasks  sync.WaitGroup
}

// Errors that [Manager.Start] returns.
var (
	ErrStarted = errors.New("ACME: started already")
	ErrClosed  = errors.New("ACME: closed")
)

// No client can fill the log: of one message, no more than this a minute.
const (
	logPerMinute = 100
	logInterval  = time.Minute
)

// What fails for other reasons than an order's, above all since the storage is not
// there for a moment, is tried again after firstRetry, then after twice as long each
// time, up to lastRetry.
const (
	firstRetry = 10 * time.Second
	lastRetry  = 10 * time.Minute
)

// New returns a manager that has asked nobody for anything yet.
func New(opts Options) (*Manager, error) {
	names, err := opts.check()
	if err != nil {
		return nil, err
	}
	m := &Manager{names: names, log: opts.Log, tlsALPN: opts.TLSALPN01, retry: firstRetry}
	if m.log == nil {
		m.log = zap.NewNop()
	}
	m.log = m.log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(c, logInterval, logPerMinute, 0)
	}))
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil },
		Logger:           m.log,
	})
	m.config = certmagic.New(m.cache, certmagic.Config{
		Storage:            &certmagic.FileStorage{Path: opts.Storage},
		KeySource:          certmagic.StandardKeyGenerator{KeyType: certmagic.P256},
		ReusePrivateKeys:   opts.ReuseKeys,
		RenewalWindowRatio: certmagic.DefaultRenewalWindowRatio,
		Issuers:            []certmagic.Issuer{}, // the one below needs this config
		Logger:             m.log,
	})
	template := certmagic.ACMEIssuer{
		CA:                      opts.Directory,
		Profile:                 opts.Profile,
		Email:                   opts.Email,
		Agreed:                  true,
		TrustedRoots:            opts.Roots,
		DisableHTTPChallenge:    !opts.HTTP01,
		DisableTLSALPNChallenge: !opts.TLSALPN01,
		Logger:                  m.log,
	}
	if opts.Challenges != nil {
		template.DNS01Solver = solver{opts.Challenges}
	} else {
		// certmagic opens the challenge's port itself, on the ordering node alone and
		// for as long as the order takes, unless somebody listens there. Our
		// listeners answer on all nodes all the time, so it is told a port that is taken.
		if m.decoy, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			m.cache.Stop()
			return nil, fmt.Errorf("ACME: %w", err)
		}
		m.tasks.Go(func() {
			for {
				conn, err := m.decoy.Accept()
				if err != nil {
					return
				}
				conn.Close()
			}
		})
		template.ListenHost = "127.0.0.1"
		template.AltHTTPPort = m.decoy.Addr().(*net.TCPAddr).Port
		template.AltTLSALPNPort = template.AltHTTPPort
	}
	m.issuer = certmagic.NewACMEIssuer(m.config, template)
	m.config.Issuers = []certmagic.Issuer{m.issuer}
	return m, nil
}

// Start loads what is in storage, and orders what is missing, in the background.
// Orders that fail are made again, at growing intervals of up to six hours, and so is
// what fails otherwise, within minutes, until ctx ends or the manager is closed.
func (m *Manager) Start(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return ErrClosed
	case m.cancel != nil:
		return ErrStarted
	}
	ctx, m.cancel = context.WithCancel(ctx)
	for _, name := range m.names {
		m.tasks.Go(func() { m.keepManaging(ctx, name) })
	}
	return nil
}

// keepManaging tries until it is done, or ctx ends.
func (m *Manager) keepManaging(ctx context.Context, name string) {
	for pause := m.retry; ; pause = min(2*pause, lastRetry) {
		err := m.manage(ctx, name)
		if err == nil || ctx.Err() != nil {
			return
		}
		m.log.Error("no certificate", zap.String("name", name), zap.Error(err), zap.Duration("again", pause))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// manage brings the certificate for name into the cache, where certmagic's
// maintenance finds it when it is to be renewed.
func (m *Manager) manage(ctx context.Context, name string) error {
	cert, err := m.config.CacheManagedCertificate(ctx, name)
	switch {
	case err == nil:
		if cert.NeedsRenewal(m.config) { // now, not at the first turn of the maintenance
			return m.cache.RenewManagedCertificates(ctx)
		}
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("load certificate from storage: %w", err)
	}
	if err := m.config.ObtainCertAsync(ctx, name); err != nil { // it waits, for all that it is called
		return fmt.Errorf("order certificate: %w", err)
	}
	if _, err := m.config.CacheManagedCertificate(ctx, name); err != nil {
		return fmt.Errorf("load certificate that was ordered: %w", err)
	}
	return nil
}

// Certificate returns the certificate for a handshake, or the answer to a
// TLS-ALPN-01 challenge. It is for tls.Config.GetCertificate. A client that
// names no name, or one that is not ours, gets the certificate of the first.
func (m *Manager) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	ours := m.covers(hello.ServerName)
	if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acmez.ACMETLS1Protocol {
		if !m.tlsALPN || !ours {
			return nil, fmt.Errorf("ACME: no TLS-ALPN-01 challenge for %q", hello.ServerName)
		}
		return m.config.GetCertificate(hello)
	}
	if !ours {
		first := *hello
		first.ServerName = m.names[0]
		hello = &first
	}
	return m.config.GetCertificate(hello)
}

// covers reports whether a certificate of ours is for name.
func (m *Manager) covers(name string) bool {
	name = strings.TrimSuffix(name, ".")
	_, parent, _ := strings.Cut(name, ".")
	for _, own := range m.names {
		if strings.EqualFold(own, name) || parent != "" && strings.HasPrefix(own, "*.") && strings.EqualFold(own[2:], parent) {
			return true
		}
	}
	return false
}

// Names returns the subjects as certificates have them: A-labels, no final dot.
func (m *Manager) Names() []string { return m.names }

// Current returns the certificate of the first name, nil if there is none yet. It
// must not be written to.
func (m *Manager) Current() *tls.Certificate { return m.CurrentOf(m.names[0]) }

// CurrentOf returns the certificate for one of [Manager.Names], nil if there is
// none yet. It must not be written to.
func (m *Manager) CurrentOf(name string) *tls.Certificate {
	var newest *tls.Certificate
	for _, c := range m.cache.AllMatchingCertificates(name) {
		if len(c.Names) == 1 && c.Names[0] == name && (newest == nil || c.Leaf.NotAfter.After(newest.Leaf.NotAfter)) {
			newest = &c.Certificate
		}
	}
	return newest
}

// Protocols are the ALPN identifiers that a listener on port 443 must offer for
// TLS-ALPN-01, besides its own; none if that challenge is off. A connection that
// negotiates it has nothing to say once the handshake is over (RFC 8737 §3).
func (m *Manager) Protocols() []string {
	if !m.tlsALPN {
		return nil
	}
	return []string{acmez.ACMETLS1Protocol}
}

// HTTPHandler answers HTTP-01 challenges, of orders of all nodes, and leaves
// everything else to next.
func (m *Manager) HTTPHandler(next http.Handler) http.Handler {
	return m.issuer.HTTPChallengeHandler(next)
}

// Close stops orders and renewals, and waits for their end, whoever else has called it
// before. Certificates that are there can still be used.
func (m *Manager) Close() {
	m.mu.Lock()
	first := !m.closed
	m.closed = true
	if m.cancel != nil {
		m.cancel()
	}
	m.mu.Unlock()
	if first && m.decoy != nil {
		m.decoy.Close()
	}
	m.tasks.Wait()
	if first {
		m.cache.Stop()
	}
}
