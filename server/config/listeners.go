package config

import (
	"net/netip"
	"slices"
)

// claim is a socket that a key of the configuration wants.
type claim struct {
	socket
	key string
}

type socket struct {
	udp  bool
	addr netip.AddrPort
}

// claims are all sockets that the server will open, in the order of the endpoints.
func (c *Config) claims() (all []claim) {
	for _, e := range c.Endpoints() {
		all = append(all, claim{socket{e.onUDP(), e.Addr}, c.key(e)})
	}
	ordered := slices.ContainsFunc(c.Certificates, func(cert Certificate) bool { return cert.ACME != nil })
	if ordered && slices.Contains(c.ACME.Challenges, HTTP01) {
		for _, addr := range c.ACME.HTTPListen {
			all = append(all, claim{socket{false, addr}, "acme.http-listen"})
		}
	}
	return all
}

// checkListeners finds addresses that two keys want, one of them as part of a
// wildcard perhaps, and listeners that cannot work.
func (c *Config) checkListeners(ps *Problems) {
	all := c.claims()
	first := map[socket]string{}
	for _, one := range all {
		if _, taken := first[one.socket]; !taken {
			first[one.socket] = one.key
		}
	}
	for _, one := range all {
		for _, addr := range []netip.AddrPort{one.addr, wildcardOf(one.addr)} {
			other, taken := first[socket{one.udp, addr}]
			if taken && other != one.key {
				ps.add(c.path, c.places[one.key], one.key, "%s is taken: %s listens there", one.addr, other)
				break
			}
		}
	}
	if clear := c.DoH.Cleartext; clear.ProxyProtocol && len(clear.TrustedProxies) == 0 {
		const key = "doh.cleartext.proxy-protocol"
		ps.add(c.path, c.places[key], key, "needs doh.cleartext.trusted-proxies: others are not believed what they say of the client")
	}
}
