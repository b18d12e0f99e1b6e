package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/zap"
	"golang.org/x/net/netutil"

	"yushan/server/config"
	"yushan/server/listen"
	"yushan/server/overlay"
	"yushan/tls/acme"
	"yushan/tls/cert"
	"yushan/zone"
	"yushan/zone/dname"
)

// ordering gets certificates from a CA. Nil does nothing.
type ordering struct {
	manager *acme.Manager
	overlay *overlay.Overlay // of the challenge dns-01; else nil
	hosts   [][]byte         // names that the CA looks for there, in wire format
	web     []net.Listener   // for the challenge http-01
	serving sync.WaitGroup
	servers []*http.Server
}

// ordered is a certificate of the manager. It is a [cert.Source].
type ordered struct {
	manager *acme.Manager
	first   string
}

func (o *ordered) Current() *tls.Certificate { return o.manager.CurrentOf(o.first) }

func (o *ordered) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName == "" { // it asked by address
		if c := o.Current(); c != nil {
			return c, nil
		}
	}
	return o.manager.Certificate(hello)
}

// acmeNames are the names of all certificates that are to be ordered.
func acmeNames(cfg *config.Config) (names []string) {
	for _, c := range cfg.Certificates {
		for _, name := range c.ACME {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// newOrdering reads keys. It asks nobody for anything yet, and writes nothing.
func newOrdering(cfg *config.Config, log *zap.Logger) (*ordering, error) {
	names := acmeNames(cfg)
	if len(names) == 0 {
		return nil, nil
	}
	o := &ordering{}
	opts := acme.Options{
		Names:     names,
		Directory: cfg.ACME.Directory,
		Email:     cfg.ACME.Email,
		Storage:   cfg.ACME.Storage,
		HTTP01:    slices.Contains(cfg.ACME.Challenges, config.HTTP01),
		TLSALPN01: slices.Contains(cfg.ACME.Challenges, config.TLSALPN01),
		ReuseKeys: cfg.ACME.ReuseKeys,
		Log:       log.Named("acme"),
	}
	var err error
	if opts.Roots, err = readRoots(cfg.ACME.CAFile); err != nil {
		return nil, err
	}
	if slices.Contains(cfg.ACME.Challenges, config.DNS01) {
		if opts.Challenges, err = o.answerDNS01(cfg, names, log); err != nil {
			return nil, err
		}
	}
	if o.manager, err = acme.New(opts); err != nil {
		return nil, err
	}
	return o, nil
}

// makeStorage makes the directory for certificates if there is none, for the user
// that the process will be.
func (o *ordering) makeStorage(cfg *config.Config) error {
	if o == nil {
		return nil
	}
	return makeDirectory(cfg.ACME.Storage, cfg)
}

func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate in PEM", file)
	}
	return pool, nil
}

// answerDNS01 makes the overlay that the CA is answered from, here and on the
// sibling nodes.
func (o *ordering) answerDNS01(cfg *config.Config, names []string, log *zap.Logger) (acme.Challenges, error) {
	var keys []overlay.Key
	for _, k := range cfg.ACME.Keys {
		secret, err := readSecret(k.SecretFile)
		if err != nil {
			return nil, err
		}
		keys = append(keys, overlay.Key{Name: dname.String(k.Name), Algorithm: k.Algorithm, Secret: secret})
	}
	var err error
	if o.overlay, err = overlay.New(overlay.Options{Hosts: names, Keys: keys}); err != nil {
		return nil, err
	}
	for _, name := range names {
		wire, err := dname.ParseFQDN("_acme-challenge." + strings.TrimPrefix(name, "*."))
		if err != nil {
			return nil, err
		}
		o.hosts = append(o.hosts, wire)
	}
	opts := overlay.SiblingsOptions{Addresses: cfg.ACME.Siblings, Log: log.Named("acme")}
	if len(keys) > 0 {
		opts.Key = keys[0]
	}
	return overlay.NewSiblings(o.overlay, opts)
}

// secretOpenBits are rights that nobody should have on a file with a secret.
const secretOpenBits fs.FileMode = 0o027

// maxSecretBytes is far more than a key of TSIG has.
const maxSecretBytes = 4096

func readSecret(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretBytes {
		return "", fmt.Errorf("%s: expected a file of at most %d bytes", file, maxSecretBytes)
	}
	if mode := info.Mode().Perm(); mode&secretOpenBits != 0 {
		return "", fmt.Errorf("%s: permissions %04o are too open: nobody but its owner and his group may read it (chmod 640 %s)", file, mode, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(text)), nil
}

// bind takes the addresses of the challenge http-01 into use.
func (o *ordering) bind(cfg *config.Config) error {
	if o == nil || !slices.Contains(cfg.ACME.Challenges, config.HTTP01) {
		return nil
	}
	var errs []error
	for _, addr := range cfg.ACME.HTTPListen {
		network := "tcp4"
		if addr.Addr().Is6() {
			network = "tcp6"
		}
		l, err := net.Listen(network, addr.String())
		if err != nil {
			errs = append(errs, listen.Error("HTTP", addr, err))
			continue
		}
		o.web = append(o.web, l)
	}
	if len(errs) > 0 {
		o.closeWeb()
	}
	return errors.Join(errs...)
}

func (o *ordering) closeWeb() {
	for _, l := range o.web {
		l.Close()
	}
}

// A CA's request is a few hundred bytes, and there are a handful of them.
const (
	webTimeout     = 5 * time.Second
	webHeaderBytes = 4096
	webConns       = 100 // on an address; others wait for their turn
)

// start begins to order what is missing, in the background.
func (o *ordering) start(ctx context.Context) error {
	if o == nil {
		return nil
	}
	for _, l := range o.web {
		o.serveWeb(l)
	}
	return o.manager.Start(ctx)
}

// serveWeb answers the challenge http-01 on l, until it is closed.
func (o *ordering) serveWeb(l net.Listener) {
	web := &http.Server{
		Handler:        o.manager.HTTPHandler(http.NotFoundHandler()),
		ReadTimeout:    webTimeout,
		WriteTimeout:   webTimeout,
		IdleTimeout:    webTimeout,
		MaxHeaderBytes: webHeaderBytes,
	}
	o.servers = append(o.servers, web)
	o.serving.Go(func() { web.Serve(netutil.LimitListener(l, webConns)) })
}

// stop ends orders and listeners.
func (o *ordering) stop() {
	if o == nil {
		return
	}
	o.manager.Close()
	for _, web := range o.servers {
		web.Close()
	}
	o.closeWeb()
	o.serving.Wait()
	if o.overlay != nil {
		o.overlay.Close()
	}
}

// challenges is the overlay, nil if there is none.
func (o *ordering) challenges() *overlay.Overlay {
	if o == nil {
		return nil
	}
	return o.overlay
}

// protocols are what DoH's listeners offer beside HTTP (RFC 8737).
func (o *ordering) protocols() []string {
	if o == nil {
		return nil
	}
	return o.manager.Protocols()
}

// answering puts the answers to tls-alpn-01 in front of a listener's certificate, which
// need not be one that is ordered.
func (o *ordering) answering(source cert.Source) cert.Source {
	if len(o.protocols()) == 0 {
		return source
	}
	return &challenged{source, o.manager}
}

// challenged is a [cert.Source].
type challenged struct {
	others  cert.Source
	manager *acme.Manager
}

func (c *challenged) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Equal(hello.SupportedProtos, c.manager.Protocols()) { // RFC 8737 §3: that one alone
		return c.manager.Certificate(hello)
	}
	return c.others.Certificate(hello)
}

// warnAboutSigned tells of challenges that validating CAs would take for forged.
func (o *ordering) warnAboutSigned(zones []*zone.Zone, log *zap.Logger) {
	if o == nil {
		return
	}
	for _, host := range o.hosts {
		var closest *zone.Zone
		for _, z := range zones {
			if dname.IsSubdomain(host, z.Origin()) && (closest == nil || len(z.Origin()) > len(closest.Origin())) {
				closest = z
			}
		}
		if closest == nil || closest.Stats().Denial == zone.Unsigned || delegatesInsecurely(closest, host) {
			continue
		}
		log.Warn("CAs that validate take the answers to dns-01 for forged, as they are unsigned and the zone is signed: "+
			"delegate this name, without DS, to the servers of the zone", zap.String("name", dname.Display(host)), zoneField(closest.Origin()))
	}
}

// delegatesInsecurely tells whether a cut at or above name has no DS.
func delegatesInsecurely(z *zone.Zone, name []byte) bool {
	match := z.Find(dname.AppendKey(nil, name, len(z.Origin())))
	if match.Kind != zone.Cut {
		return false
	}
	_, secure := z.RRset(match.Node, dns.TypeDS)
	return !secure
}
