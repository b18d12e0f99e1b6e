package advert

import (
	"crypto"

	"github.com/miekg/dns"

	"yushan/server/config"
	"yushan/server/query"
	"yushan/tls/tlsa"
)

// TLSA returns the records that tell the keys of the encrypted listeners of a
// configuration, for the name server name. keys gives those of a transport's
// certificate: the current one, then the next, which may be nil. A port that
// several addresses have gets its records once. The error says what is no name of
// a host.
func TLSA(cfg *config.Config, name string, keys func(query.Transport) []crypto.PublicKey) ([]dns.RR, error) {
	var records []dns.RR
	done := map[string]bool{}
	for _, e := range cfg.Endpoints() {
		if alpn, _ := protocol(e); alpn == "" {
			continue
		}
		owner, err := tlsa.Owner(e.Addr.Port(), transportLabel(e), name)
		if err != nil {
			return nil, err
		}
		if done[owner] {
			continue
		}
		done[owner] = true
		set, err := tlsa.Records(owner, ttl, keys(e.Transport)...)
		if err != nil {
			return nil, err
		}
		for _, rr := range set {
			records = append(records, rr)
		}
	}
	return records, nil
}

// transportLabel is what RFC 6698 §3 calls the transport; QUIC is UDP to it.
func transportLabel(e config.Endpoint) tlsa.Transport {
	if e.HTTP3 || e.Transport == query.DoQ {
		return tlsa.UDP
	}
	return tlsa.TCP
}
