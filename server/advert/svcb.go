package advert

import (
	"cmp"
	"slices"

	"github.com/miekg/dns"

	"yushan/server/config"
	"yushan/server/query"
)

// ttl of the records that are printed, in seconds: short enough to take a listener
// out of service within the hour.
const ttl = 3600

// SVCB returns the records that announce the encrypted listeners of a configuration
// for the name server name (RFC 9461): one for all that are on their usual ports,
// then one for each other port. There are none if there are no such listeners.
// Listeners on loopback count like any other.
func SVCB(cfg *config.Config, name string) []dns.RR {
	name = dns.Fqdn(name)
	type service struct {
		port   uint16 // 0: each on its usual one
		alpn   []string
		byPath bool
	}
	var services []*service
	find := func(port uint16) *service {
		for _, s := range services {
			if s.port == port {
				return s
			}
		}
		s := &service{port: port}
		services = append(services, s)
		return s
	}
	for _, e := range cfg.Endpoints() {
		alpn, usual := protocol(e)
		if alpn == "" {
			continue
		}
		port := e.Addr.Port()
		if port == usual {
			port = 0
		}
		s := find(port)
		if !slices.Contains(s.alpn, alpn) {
			s.alpn = append(s.alpn, alpn)
		}
		s.byPath = s.byPath || e.Transport == query.DoH
	}
	slices.SortFunc(services, func(a, b *service) int { return cmp.Compare(a.port, b.port) })
	var records []dns.RR
	for i, s := range services {
		slices.SortFunc(s.alpn, func(a, b string) int { return slices.Index(preference, a) - slices.Index(preference, b) })
		rr := &dns.SVCB{
			Hdr:      dns.RR_Header{Name: "_dns." + name, Rrtype: dns.TypeSVCB, Class: dns.ClassINET, Ttl: ttl},
			Priority: uint16(i + 1),
			Target:   name,
			Value:    []dns.SVCBKeyValue{&dns.SVCBAlpn{Alpn: s.alpn}},
		}
		if s.port != 0 {
			rr.Value = append(rr.Value, &dns.SVCBPort{Port: s.port})
		}
		if s.byPath {
			rr.Value = append(rr.Value, &dns.SVCBDoHPath{Template: cfg.DoH.Path + "{?dns}"})
		}
		records = append(records, rr)
	}
	return records
}

// preference is the order in which protocols are told: DNS's own first.
var preference = []string{"dot", "doq", "h2", "h3"}

// protocol is the ALPN identifier of what an endpoint speaks, and its usual port
// (RFC 9461 §4); "" if it isn't encrypted.
func protocol(e config.Endpoint) (alpn string, usual uint16) {
	switch {
	case e.Cleartext:
		return "", 0
	case e.HTTP3:
		return "h3", 443
	case e.Transport == query.DoH:
		return "h2", 443
	case e.Transport == query.DoT:
		return "dot", 853
	case e.Transport == query.DoQ:
		return "doq", 853
	}
	return "", 0
}
