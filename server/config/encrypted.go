package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"yushan/server/doq"
	"yushan/server/query"
	"yushan/server/quicport"
	"yushan/server/stream"
	"yushan/zone/dname"
)

// DoT configures the listeners of RFC 7858. There are none by default.
type DoT struct {
	Listen      []netip.AddrPort
	Certificate string // Name of one of Config.Certificates; "" is the first
	Handshakes  int    // a second
	Limits      stream.Limits
}

// DoH configures the listeners of RFC 8484. There are none by default.
type DoH struct {
	Listen      []netip.AddrPort // HTTP/2 and HTTP/1.1, and HTTP/3 with it
	Certificate string
	Path        string
	LookupPage  bool // at "/"
	Handshakes  int  // a second, on TCP
	Limits      stream.Limits
	HTTP3       HTTP3
	Cleartext   Cleartext
}

// HTTP3 configures HTTP/3 (RFC 9114), on the addresses of DoH.
type HTTP3 struct {
	On         bool
	Handshakes int // a second
	ZeroRTT    bool
	Limits     quicport.Limits
}

// Cleartext configures HTTP without TLS, for a proxy that has done it.
type Cleartext struct {
	Listen         []netip.AddrPort
	ProxyProtocol  bool           // its header is expected in front of each connection
	TrustedProxies []netip.Prefix // who may tell the client's address
}

// DoQ configures the listeners of RFC 9250. There are none by default.
type DoQ struct {
	Listen      []netip.AddrPort
	Certificate string
	Handshakes  int // a second
	ZeroRTT     bool
	Limits      quicport.Limits
	Queries     doq.Limits
}

// Certificate names a certificate and says where it comes from: exactly one of
// files, SelfSigned and ACME.
type Certificate struct {
	Name string

	CertificateFile, KeyFile string
	NextKeyFile              string // to publish its TLSA record before it is used

	SelfSigned []string // names and addresses
	ACME       []string // names

	at, fileAt, keyFileAt place
}

// Same tells whether both are to be had from the same source, whatever they are
// called.
func (c Certificate) Same(o Certificate) bool {
	return c.CertificateFile == o.CertificateFile && c.KeyFile == o.KeyFile && c.NextKeyFile == o.NextKeyFile &&
		slices.Equal(c.SelfSigned, o.SelfSigned) && slices.Equal(c.ACME, o.ACME)
}

// sources names what the certificate is said to come from.
func (c *Certificate) sources() (keys []string) {
	for _, source := range []struct {
		key   string
		given bool
	}{
		{"certificate-file", c.CertificateFile != "" || c.KeyFile != ""},
		{"self-signed", c.SelfSigned != nil},
		{"acme", c.ACME != nil},
	} {
		if source.given {
			keys = append(keys, source.key)
		}
	}
	return keys
}

// Tickets configures session resumption (RFC 8446 §2.2).
type Tickets struct {
	SecretFile string // "": keys of this process alone
	Rotation   time.Duration
}

// ACME configures how certificates are ordered (RFC 8555).
type ACME struct {
	Directory  string
	CAFile     string // of the CA's own HTTPS; "": the system's
	Email      string
	Storage    string
	Challenges []string
	HTTPListen []netip.AddrPort
	ReuseKeys  bool
	Siblings   []netip.AddrPort
	Keys       []Key
}

// Same tells whether both mean the same, wherever in a file they stand.
func (a ACME) Same(b ACME) bool {
	key := func(k, l Key) bool {
		return slices.Equal(k.Name, l.Name) && k.Algorithm == l.Algorithm && k.SecretFile == l.SecretFile
	}
	return a.Directory == b.Directory && a.CAFile == b.CAFile && a.Email == b.Email && a.Storage == b.Storage &&
		slices.Equal(a.Challenges, b.Challenges) && slices.Equal(a.HTTPListen, b.HTTPListen) && a.ReuseKeys == b.ReuseKeys &&
		slices.Equal(a.Siblings, b.Siblings) && slices.EqualFunc(a.Keys, b.Keys, key)
}

// Key is a secret that signs DNS messages (RFC 8945).
type Key struct {
	Name       []byte // wire format, lower case
	Algorithm  string
	SecretFile string // base64
	at, fileAt place
}

// Challenges of RFC 8555 §8 and RFC 8737.
const (
	DNS01     = "dns-01"
	HTTP01    = "http-01"
	TLSALPN01 = "tls-alpn-01"
)

const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

func defaultDoT() DoT {
	limits := defaultLimits()
	limits.MaxConns = 4000
	return DoT{Handshakes: 1000, Limits: limits}
}

func defaultDoH() DoH {
	limits := defaultLimits()
	limits.MaxConns = 4000
	return DoH{Path: "/dns-query", Handshakes: 1000, Limits: limits,
		HTTP3: HTTP3{On: true, Handshakes: 1000, ZeroRTT: true, Limits: defaultQUIC()}}
}

func defaultDoQ() DoQ {
	return DoQ{Handshakes: 1000, ZeroRTT: true, Limits: defaultQUIC(), Queries: doq.Limits{
		MaxQueryBytes:   4096,
		MaxPendingBytes: 64 << 20,
		QueryTimeout:    3 * time.Second,
		WriteTimeout:    10 * time.Second,
	}}
}

func defaultQUIC() quicport.Limits {
	return quicport.Limits{MaxConns: 2000, MaxStreams: 100, IdleTimeout: 10 * time.Second, HandshakeTimeout: 4 * time.Second}
}

func defaultACME() ACME {
	return ACME{Directory: letsEncrypt, Challenges: []string{DNS01}, ReuseKeys: true}
}

// CertificateNamed returns the certificate that a listener refers to by name; "" is
// the first one. It is nil if there is none.
func (c *Config) CertificateNamed(name string) *Certificate {
	for i := range c.Certificates {
		if name == "" || c.Certificates[i].Name == name {
			return &c.Certificates[i]
		}
	}
	return nil
}

// Endpoint is an address with what is spoken there.
type Endpoint struct {
	Transport query.Transport
	HTTP3     bool // DoH over QUIC
	Cleartext bool // DoH without TLS
	Addr      netip.AddrPort
}

func (e Endpoint) String() string { return e.Kind() + " " + e.Addr.String() }

// Kind is what is spoken there.
func (e Endpoint) Kind() string {
	switch {
	case e.HTTP3:
		return "DoH (HTTP/3)"
	case e.Cleartext:
		return "DoH (cleartext)"
	}
	return e.Transport.String()
}

// onUDP tells whether the socket is one of UDP.
func (e Endpoint) onUDP() bool {
	return e.Transport == query.UDP || e.Transport == query.DoQ || e.HTTP3
}

// Endpoints returns all that the configuration asks to listen on, in its order.
func (c *Config) Endpoints() (es []Endpoint) {
	add := func(addrs []netip.AddrPort, e Endpoint) {
		for _, e.Addr = range addrs {
			es = append(es, e)
		}
	}
	add(c.UDPListen(), Endpoint{Transport: query.UDP})
	add(c.TCPListen(), Endpoint{Transport: query.TCP})
	add(c.DoT.Listen, Endpoint{Transport: query.DoT})
	add(c.DoH.Listen, Endpoint{Transport: query.DoH})
	if c.DoH.HTTP3.On {
		add(c.DoH.Listen, Endpoint{Transport: query.DoH, HTTP3: true})
	}
	add(c.DoH.Cleartext.Listen, Endpoint{Transport: query.DoH, Cleartext: true})
	add(c.DoQ.Listen, Endpoint{Transport: query.DoQ})
	return es
}

// key is the key of the configuration that asks for the endpoint.
func (c *Config) key(e Endpoint) string {
	own := func(key string, list []netip.AddrPort) string {
		if list == nil {
			return "listen"
		}
		return key
	}
	switch {
	case e.Cleartext:
		return "doh.cleartext.listen"
	case e.Transport == query.UDP:
		return own("udp.listen", c.UDP.Listen)
	case e.Transport == query.TCP:
		return own("tcp.listen", c.TCP.Listen)
	}
	return strings.ToLower(e.Transport.String()) + ".listen"
}

// checkCertificates finds listeners without a certificate, and certificates that
// cannot be had.
func (c *Config) checkCertificates(ps *Problems) {
	for _, t := range []struct {
		key, certificate string
		listen           []netip.AddrPort
	}{
		{"dot", c.DoT.Certificate, c.DoT.Listen},
		{"doh", c.DoH.Certificate, c.DoH.Listen},
		{"doq", c.DoQ.Certificate, c.DoQ.Listen},
	} {
		switch {
		case t.certificate != "" && c.CertificateNamed(t.certificate) == nil:
			var names []string
			for _, cert := range c.Certificates {
				names = append(names, cert.Name)
			}
			key := t.key + ".certificate"
			ps.add(c.path, c.places[key], key, "there is no certificate %q in certificates%s", t.certificate, didYouMean(t.certificate, names))
		case len(t.listen) > 0 && len(c.Certificates) == 0:
			ps.add(c.path, c.places[t.key+".listen"], t.key+".listen", "needs a certificate: none is in certificates")
		}
	}
	first := map[string]bool{}
	acme := false
	for i := range c.Certificates {
		cert := &c.Certificates[i]
		key := fmt.Sprintf("certificates[%d]", i)
		if cert.Name != "" && first[cert.Name] {
			ps.add(c.path, cert.at, key+".name", "certificate %q is there twice", cert.Name)
		}
		first[cert.Name] = true
		sources := cert.sources()
		switch {
		case len(sources) != 1:
			ps.add(c.path, c.places[key], key, "expected one source: certificate-file with key-file, self-signed, or acme; found %s", cmp.Or(strings.Join(sources, " and "), "none"))
		case cert.CertificateFile == "" && cert.KeyFile != "":
			ps.add(c.path, cert.keyFileAt, key, "key-file without certificate-file")
		case cert.CertificateFile != "" && cert.KeyFile == "":
			ps.add(c.path, cert.fileAt, key, "certificate-file without key-file")
		case cert.SelfSigned != nil && len(cert.SelfSigned) == 0:
			ps.add(c.path, cert.at, key+".self-signed", "expected one name or address, or more")
		case cert.ACME != nil:
			acme = true
			c.checkACMENames(ps, cert, key)
		}
	}
	if acme {
		c.checkACME(ps)
	}
}

func (c *Config) checkACMENames(ps *Problems, cert *Certificate, key string) {
	if len(cert.ACME) == 0 {
		ps.add(c.path, cert.at, key+".acme", "expected one name or more")
	}
	for _, name := range cert.ACME {
		if strings.HasPrefix(name, "*.") && !slices.Contains(c.ACME.Challenges, DNS01) {
			ps.add(c.path, cert.at, key+".acme", "%s: a wildcard needs the challenge %s in acme.challenges (RFC 8555 §7.1.3)", name, DNS01)
		}
	}
}

func (c *Config) checkACME(ps *Problems) {
	if c.ACME.Storage == "" {
		ps.add(c.path, c.places["acme"], "acme.storage", "is missing: certificates and account keys need a directory, which sibling nodes share")
	}
	if len(c.ACME.Siblings) > 0 && len(c.ACME.Keys) == 0 {
		ps.add(c.path, c.places["acme.siblings"], "acme.siblings", "need a key to sign updates with: none is in acme.keys")
	}
	if slices.Contains(c.ACME.Challenges, DNS01) && len(c.ACME.Challenges) > 1 {
		ps.add(c.path, c.places["acme.challenges"], "acme.challenges", "%s stands alone: expected no other beside it", DNS01)
	}
	if slices.Contains(c.ACME.Challenges, HTTP01) && len(c.ACME.HTTPListen) == 0 {
		ps.add(c.path, c.places["acme.challenges"], "acme.challenges", "%s needs acme.http-listen", HTTP01)
	}
	if slices.Contains(c.ACME.Challenges, TLSALPN01) && len(c.DoH.Listen) == 0 {
		ps.add(c.path, c.places["acme.challenges"], "acme.challenges", "%s needs doh.listen: the CA connects to port 443 (RFC 8737 §3)", TLSALPN01)
	}
}

// parseHost reads the name of a server or its address, as certificates hold it.
func parseHost(text string) (string, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().String(), nil
	}
	return parseHostName(text)
}

const hostNameExpected = `a name such as "ns1.example.tw"`

// parseHostName reads a name of letters, digits and hyphens, perhaps with "*" for its
// first label, and gives it with A-labels and without the last dot.
func parseHostName(text string) (string, error) {
	name, err := dname.ParseFQDN(text)
	if err != nil || len(name) < 3 {
		return "", fmt.Errorf("expected %s, found %q", hostNameExpected, text)
	}
	dname.Lower(name)
	host := strings.TrimSuffix(dname.String(name), ".")
	if strings.Trim(strings.TrimPrefix(host, "*."), "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return "", fmt.Errorf("expected %s, found %q", hostNameExpected, text)
	}
	return host, nil
}
