package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"yushan/bench/load"
	"yushan/internal/cli"
)

// targetFlags say who is asked.
type targetFlags struct {
	Server      string         `short:"s" default:"127.0.0.1" placeholder:"ADDRESS" help:"Who is asked: an address or a name, and a port unless it is the transport's own. For DoH a URL will do. This machine unless told."`
	Transport   load.Transport `short:"t" default:"udp" placeholder:"NAME" help:"udp, tcp, dot, doh (HTTP/2), doh1 (HTTP/1.1), doh3 (HTTP/3) or doq; udp unless told."`
	Path        string         `default:"/dns-query" placeholder:"PATH" help:"Path of DoH: /dns-query unless told."`
	Get         bool           `help:"GET instead of POST on DoH."`
	tlsFlags    `embed:""`
	permitFlags `embed:""`
}

// tlsFlags are of encrypted transports.
type tlsFlags struct {
	TLSName   string   `placeholder:"NAME" help:"Name of the server in TLS; that of --server unless told."`
	TLSCA     string   `name:"tls-ca" type:"existingfile" placeholder:"FILE" help:"Check the server's certificate against the CAs in this PEM file."`
	TLSVerify bool     `help:"Check the server's certificate against the CAs of the system. Without this and --tls-ca it isn't checked."`
	TLSGroup  []string `placeholder:"NAME" help:"Key exchange to offer: X25519MLKEM768, X25519, P-256, P-384; may be repeated. What Go offers unless told."`
}

// permitFlags say who may be asked.
type permitFlags struct {
	Allow          []network `env:"YUSHAN_BENCH_ALLOW" placeholder:"PREFIX" help:"Servers in these networks may be asked, too; may be repeated."`
	IOwnThisTarget bool      `name:"i-own-this-target" help:"Ask a server that is not on this machine. You answer for what that does."`
}

// network is a prefix, or a single address.
type network struct{ netip.Prefix }

// UnmarshalText reads "192.0.2.0/24" and "192.0.2.1".
func (n *network) UnmarshalText(text []byte) error {
	if addr, err := netip.ParseAddr(string(text)); err == nil && addr.Zone() == "" {
		n.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return nil
	}
	var err error
	if n.Prefix, err = netip.ParsePrefix(string(text)); err != nil {
		return fmt.Errorf("%q: expected a network such as 192.0.2.0/24, or an address", text)
	}
	return nil
}

func prefixes(networks []network) (list []netip.Prefix) {
	for _, n := range networks {
		list = append(list, n.Prefix)
	}
	return list
}

// target is the server, looked up.
type target struct {
	server    netip.AddrPort
	name      string // as it was given
	authority string // of HTTP
	path      string
}

// lookUpTime bounds how long a name is looked up.
const lookUpTime = 5 * time.Second

// target looks the server up, and refuses one that may not be asked.
func (f *targetFlags) target(ctx context.Context) (target, error) {
	host, port, path, err := f.parse()
	if err != nil {
		return target{}, cli.Usagef("--server: %v", err)
	}
	addr, err := lookUp(ctx, host)
	if err != nil {
		return target{}, err
	}
	t := target{
		server:    netip.AddrPortFrom(addr, port),
		name:      host,
		authority: net.JoinHostPort(host, strconv.Itoa(int(port))),
		path:      path,
	}
	return t, f.permit(addr)
}

// lookUp returns an address of a host.
func lookUp(ctx context.Context, host string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("look up %s: %w", host, err)
	}
	return found[0].Unmap(), nil
}

// parse takes --server apart.
func (f *targetFlags) parse() (host string, port uint16, path string, err error) {
	host, path, text := f.Server, f.Path, ""
	if strings.Contains(host, "://") {
		u, err := url.Parse(host)
		switch {
		case err != nil:
			return "", 0, "", err
		case u.Scheme != "https" || !f.Transport.HTTP():
			return "", 0, "", fmt.Errorf("%q: expected https://… and a transport of DoH", host)
		}
		if u.RequestURI() != "/" {
			path = u.RequestURI()
		}
		host, text = u.Hostname(), u.Port()
	} else {
		host, text = cutPort(host)
	}
	if host == "" {
		return "", 0, "", fmt.Errorf("%q: expected an address or a name", f.Server)
	}
	port, err = portOr(text, f.Transport.Port())
	return host, port, path, err
}

// cutPort parts host and port; "" if there is none.
func cutPort(text string) (host, port string) {
	if host, port, err := net.SplitHostPort(text); err == nil {
		return host, port
	}
	if addr, ok := strings.CutPrefix(text, "["); ok {
		return strings.TrimSuffix(addr, "]"), ""
	}
	return text, ""
}

func portOr(text string, otherwise uint16) (uint16, error) {
	if text == "" {
		return otherwise, nil
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil || number == 0 {
		return 0, fmt.Errorf("expected a port from 1 to 65535, found %q", text)
	}
	return uint16(number), nil
}

// permit refuses servers of others: load is an attack on who did not ask for it.
func (f *permitFlags) permit(addr netip.Addr) error {
	if addr.IsLoopback() || f.IOwnThisTarget {
		return nil
	}
	for _, p := range f.Allow {
		if p.Contains(addr) {
			return nil
		}
	}
	return cli.Usagef("%s is not this machine, and load harms servers that are in use: if it is yours, say --i-own-this-target, or name its network by --allow", addr)
}

// groups are the key exchanges that can be asked for.
var groups = map[string]tls.CurveID{
	"X25519MLKEM768": tls.X25519MLKEM768,
	"X25519":         tls.X25519,
	"P-256":          tls.CurveP256,
	"P-384":          tls.CurveP384,
}

// tls makes the client's configuration for a server of that name.
func (f *tlsFlags) tls(server string) (*tls.Config, error) {
	if f.TLSName != "" {
		server = f.TLSName
	}
	c := &tls.Config{ServerName: server, InsecureSkipVerify: !f.checked(), MinVersion: tls.VersionTLS12}
	for _, name := range f.TLSGroup {
		group, known := groups[name]
		if !known {
			return nil, cli.Usagef("--tls-group %q: expected one of X25519MLKEM768, X25519, P-256, P-384", name)
		}
		c.CurvePreferences = append(c.CurvePreferences, group)
	}
	if f.TLSCA != "" {
		pem, err := os.ReadFile(f.TLSCA)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: expected certificates in PEM form", f.TLSCA)
		}
	}
	return c, nil
}

// given tells whether any of them is.
func (f *tlsFlags) given() bool {
	return f.TLSName != "" || f.checked() || len(f.TLSGroup) > 0
}

// checked tells whether the server's certificate is.
func (f *tlsFlags) checked() bool { return f.TLSVerify || f.TLSCA != "" }
