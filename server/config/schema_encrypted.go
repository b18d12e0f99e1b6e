package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"yushan/server/doh"
	"yushan/server/quicport"
	"yushan/server/stream"
	"yushan/zone/dname"
)

// encrypted is the keys of DoT, DoH and DoQ and of what they need.
func (c *Config) encrypted() object {
	return object{
		{key: "dot", value: section(append(append(object{
			{key: "listen", value: addresses(&c.DoT.Listen, dotPort),
				doc: "Addresses to serve DoT on. Without a port it is 853. Not given, DoT is off."},
			certificateName(&c.DoT.Certificate),
			handshakes(&c.DoT.Handshakes),
		}, limits(&c.DoT.Limits)...), handshakeTimeout(&c.DoT.Limits.HandshakeTimeout))), doc: "Queries on DNS over TLS (RFC 7858)."},
		{key: "doh", value: section(append(append(object{
			{key: "listen", value: addresses(&c.DoH.Listen, httpsPort),
				doc: "Addresses to serve DoH on: HTTP/2 and HTTP/1.1 on TCP, HTTP/3 on UDP. Without a port it is 443. Not given, DoH is off."},
			certificateName(&c.DoH.Certificate),
			{key: "path", value: urlPath(&c.DoH.Path),
				doc: "Path of the URI that queries are sent to. The URI template (RFC 8484 §3) is this with `{?dns}` behind."},
			{key: "lookup-page", value: boolean(&c.DoH.LookupPage),
				doc: "Serve a page at `/` that looks names up on this server and shows its answers."},
			handshakes(&c.DoH.Handshakes),
		}, httpLimits(&c.DoH.Limits)...), handshakeTimeout(&c.DoH.Limits.HandshakeTimeout), field{
			key: "http3", value: section(append(object{
				{key: "enabled", value: boolean(&c.DoH.HTTP3.On),
					doc: "Serve HTTP/3 on the addresses of `doh.listen`, and offer it to clients of HTTP/2 and HTTP/1.1 (Alt-Svc)."},
				handshakes(&c.DoH.HTTP3.Handshakes),
				zeroRTT(&c.DoH.HTTP3.ZeroRTT),
			}, quicLimits(&c.DoH.HTTP3.Limits)...)), doc: "HTTP/3 (RFC 9114).",
		}, field{
			key: "cleartext", value: section(object{
				{key: "listen", value: addresses(&c.DoH.Cleartext.Listen, httpPort),
					doc: "Addresses to serve HTTP/2 and HTTP/1.1 without TLS on, for a proxy that does it. The limits are those of `doh`; but without `proxy-protocol`, one proxy may have all connections unless `doh.max-connections-per-client` says otherwise."},
				{key: "proxy-protocol", value: boolean(&c.DoH.Cleartext.ProxyProtocol),
					doc: "Connections of `trusted-proxies` begin with the header of the PROXY protocol, version 2, which tells the client's address."},
				{key: "trusted-proxies", value: prefixes(&c.DoH.Cleartext.TrustedProxies),
					doc: "Whose word counts about the client's address, by PROXY protocol or the header fields `Forwarded` (RFC 7239) and `X-Forwarded-For`."},
			}), doc: "DoH without TLS, for use behind a proxy.",
		})), doc: "Queries on DNS over HTTPS (RFC 8484)."},
		{key: "doq", value: section(slices.Concat(object{
			{key: "listen", value: addresses(&c.DoQ.Listen, dotPort),
				doc: "Addresses to serve DoQ on. Without a port it is 853. Not given, DoQ is off."},
			certificateName(&c.DoQ.Certificate),
			handshakes(&c.DoQ.Handshakes),
			zeroRTT(&c.DoQ.ZeroRTT),
		}, quicLimits(&c.DoQ.Limits), object{
			{key: "max-query-bytes", value: size(&c.DoQ.Queries.MaxQueryBytes, 512, 65535),
				doc: "Longest query. Longer ones are refused."},
			{key: "max-pending-bytes", value: size(&c.DoQ.Queries.MaxPendingBytes, 1<<16, 1<<40),
				doc: "Memory for answers, longer than a packet, that slow clients don't take, on an address. When it is used up, slow clients are cut off."},
			{key: "query-timeout", value: duration(&c.DoQ.Queries.QueryTimeout, 100*time.Millisecond, time.Hour),
				doc: "How long a query may take from its first byte to its last."},
			{key: "write-timeout", value: duration(&c.DoQ.Queries.WriteTimeout, 100*time.Millisecond, time.Hour),
				doc: "How long a client may take to read an answer that is longer than a packet."},
		})), doc: "Queries on DNS over QUIC (RFC 9250)."},
		{key: "certificates", value: list(&c.Certificates, func(cert *Certificate) object {
			return object{
				{key: "name", value: certName(cert), need: true,
					doc: "What `dot.certificate`, `doh.certificate` and `doq.certificate` call it."},
				{key: "certificate-file", value: placedPath(&cert.CertificateFile, &cert.fileAt),
					doc: "The certificate, and behind it those between it and its CA, in PEM: `fullchain.pem` of most ACME clients. Read again at SIGHUP and once a minute; the old one stays if the new one is bad."},
				{key: "key-file", value: placedPath(&cert.KeyFile, &cert.keyFileAt),
					doc: "Its private key, in PEM, without a passphrase. Nobody but its owner and group should be able to read it."},
				{key: "next-key-file", value: path(&cert.NextKeyFile),
					doc: "The key that will follow it: `yushan tlsa` prints its records, too, so that they are published before they are needed."},
				{key: "self-signed", value: hosts(&cert.SelfSigned, parseHost, `a name or an address such as "ns1.example.tw" or 192.0.2.53`),
					doc: "Make a certificate for these names and addresses at the start: for opportunistic encryption, where nobody checks it (RFC 9539)."},
				{key: "acme", value: hosts(&cert.ACME, parseHostName, hostNameExpected),
					doc: "Order the certificate for these names from the CA of `acme`, and renew it."},
			}
		}), doc: "Certificates of the encrypted transports, each from exactly one source."},
		{key: "tickets", value: section(object{
			{key: "secret-file", value: path(&c.Tickets.SecretFile),
				doc: "A file with 32 random bytes or more that sibling nodes share, so that clients resume sessions on any of them. Not given, sessions are resumed by this process alone. Nobody but its owner and group may be able to read it."},
			{key: "rotation", value: duration(&c.Tickets.Rotation, 10*time.Minute, 7*24*time.Hour),
				doc: "How long a key made of the secret encrypts tickets. Those of the last two are still accepted."},
		}), doc: "Session resumption (RFC 8446 §2.2), and QUIC's tokens."},
		{key: "acme", value: section(c.acme()), doc: "How certificates are ordered (RFC 8555)."},
	}
}

func (c *Config) acme() object {
	a := &c.ACME
	return object{
		{key: "directory", value: httpsURL(&a.Directory),
			doc: "The CA's directory. To use it is to agree to the CA's terms."},
		{key: "ca-file", value: path(&a.CAFile),
			doc: "Certificates in PEM that the CA's own HTTPS is checked by, instead of the system's."},
		{key: "email", value: text(&a.Email, 254, "hostmaster@example.tw"),
			doc: "Where the CA can reach you."},
		{key: "storage", value: path(&a.Storage),
			doc: "Directory for account, certificates and keys. Sibling nodes share it, so that one of them orders for all."},
		{key: "challenges", value: &words[string]{&a.Challenges, "one of dns-01, http-01, tls-alpn-01", func(text string) (string, error) {
			if choices := []string{DNS01, HTTP01, TLSALPN01}; !slices.Contains(choices, text) {
				return "", fmt.Errorf("expected one of dns-01, http-01, tls-alpn-01, found %q%s", text, didYouMean(text, choices))
			}
			return text, nil
		}, func(text string) string { return text }},
			doc: "How to prove that the names are ours. `dns-01`, which stands alone, is answered by this server itself; `tls-alpn-01` by DoH's listener on port 443, `http-01` on `acme.http-listen`. In a signed zone `dns-01` needs a delegation without DS of `_acme-challenge` below each name, or CAs that validate won't believe the answers."},
		{key: "http-listen", value: addresses(&a.HTTPListen, httpPort),
			doc: "Addresses to answer the CA's `http-01` on, and nothing else. Without a port it is 80."},
		{key: "reuse-keys", value: boolean(&a.ReuseKeys),
			doc: "A renewed certificate keeps its key, so that published TLSA records stay true."},
		{key: "siblings", value: addresses(&a.Siblings, dnsPort),
			doc: "The other nodes that the CA may ask: a challenge of `dns-01` is told to them by DNS UPDATE, signed with the first of `acme.keys`, before the CA is."},
		{key: "keys", value: list(&a.Keys, func(k *Key) object {
			return object{
				{key: "name", value: keyName(k), need: true,
					doc: "Name of the key; the same on all nodes."},
				{key: "algorithm", value: oneOf(&k.Algorithm, "hmac-sha256", "hmac-sha384", "hmac-sha512"), need: true,
					doc: "Algorithm of the key (RFC 8945 §6)."},
				{key: "secret-file", value: placedPath(&k.SecretFile, &k.fileAt), need: true,
					doc: "A file with the secret in base64. Nobody but its owner and group may be able to read it."},
			}
		}), doc: "TSIG keys (RFC 8945) of updates between sibling nodes. All are accepted, the first one signs."},
	}
}

func certificateName(to *string) field {
	return field{key: "certificate", value: text(to, 64, "main"),
		doc: "Name of one of `certificates`. Not given, it is the first of them."}
}

func handshakes(to *int) field {
	return field{key: "max-handshakes-per-second", value: number(to, 1, 1<<20),
		doc: "New connections a second that a handshake is computed for, on all addresses; one client gets a quarter. More are refused, so that a flood of them leaves the processor to other transports."}
}

// httpLimits are those of TCP but for the length of a query, which RFC 8484 §6 sets.
func httpLimits(l *stream.Limits) object {
	return slices.DeleteFunc(limits(l), func(f field) bool { return f.key == "max-query-bytes" })
}

func handshakeTimeout(to *time.Duration) field {
	return field{key: "handshake-timeout", value: duration(to, 100*time.Millisecond, time.Hour),
		doc: "How long a handshake may take."}
}

// quicLimits are the keys of every transport that QUIC carries.
func quicLimits(l *quicport.Limits) object {
	return object{
		{key: "max-connections", value: number(&l.MaxConns, 1, 1<<20),
			doc: "Connections at once on an address."},
		{key: "max-connections-per-client", value: number(&l.MaxConnsPerClient, 0, 1<<20),
			doc: "Those of them that one IPv4 address, or one IPv6 /64, may have. 0 is a quarter of them."},
		{key: "max-streams", value: number(&l.MaxStreams, 1, 1<<16),
			doc: "Queries at once on a connection."},
		{key: "idle-timeout", value: duration(&l.IdleTimeout, time.Second, time.Hour),
			doc: "How long a connection may stay without a query."},
		handshakeTimeout(&l.HandshakeTimeout),
	}
}

func zeroRTT(to *bool) field {
	return field{key: "zero-rtt", value: boolean(to),
		doc: "Answer queries that a returning client sends with its first packets (0-RTT, RFC 9001 §4.6), before its handshake is done. Somebody on the way can send them again; they change nothing."}
}

// placedPath is path that notes where in the file it was.
func placedPath(to *string, at *place) value {
	p := path(to).(*scalar)
	return &scalar{p.what, func(r *reader, n *yaml.Node) error {
		*at = placeOf(n)
		return p.parse(r, n)
	}, p.show}
}

func certName(cert *Certificate) value {
	t := text(&cert.Name, 64, "main").(*scalar)
	return &scalar{t.what, func(r *reader, n *yaml.Node) error {
		cert.at = placeOf(n)
		if n.Value == "" {
			return errExpected
		}
		return t.parse(r, n)
	}, t.show}
}

func keyName(k *Key) value {
	const what = `the name of a key such as "nodes.example.tw"`
	return &scalar{what, func(_ *reader, n *yaml.Node) error {
		k.at = placeOf(n)
		parsed, err := dname.ParseFQDN(n.Value)
		if err != nil || len(parsed) < 2 {
			return errExpected
		}
		dname.Lower(parsed)
		k.Name = parsed
		return nil
	}, func() string { return "" }}
}

func urlPath(to *string) value {
	const what = `a path such as "/dns-query"`
	return &scalar{what, func(_ *reader, n *yaml.Node) error {
		if len(n.Value) > 255 || len(n.Value) < 2 || strings.Contains(n.Value, "//") || doh.CheckPath(n.Value) != nil {
			return errExpected
		}
		*to = n.Value
		return nil
	}, func() string { return *to }}
}

func httpsURL(to *string) value {
	const what = `a URL such as "https://ca.example/directory"`
	return &scalar{what, func(_ *reader, n *yaml.Node) error {
		u, err := url.Parse(n.Value)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return errExpected
		}
		*to = n.Value
		return nil
	}, func() string { return *to }}
}

func prefixes(to *[]netip.Prefix) value {
	const what = "an IP prefix such as 192.0.2.0/24, or an address"
	return &words[netip.Prefix]{to, what, func(text string) (netip.Prefix, error) {
		if p, err := netip.ParsePrefix(text); err == nil {
			return p.Masked(), nil
		}
		a, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("expected %s, found %q", what, text)
		}
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}, netip.Prefix.String}
}

func hosts(to *[]string, parse func(string) (string, error), what string) value {
	return &words[string]{to, what, parse, func(text string) string { return text }}
}
