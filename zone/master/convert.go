package master

import (
	"fmt"
	"math"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// RR returns the record in the form of miekg/dns; types that it doesn't know
// become a *dns.RFC3597. The result shares no memory with rec.
func RR(rec Record) (dns.RR, error) {
	if len(rec.RDATA) > math.MaxUint16 {
		return nil, fmt.Errorf("converting a record: RDATA of %d bytes", len(rec.RDATA))
	}
	header := dns.RR_Header{Name: dname.String(rec.Owner), Rrtype: rec.Type, Class: rec.Class, Ttl: rec.TTL,
		Rdlength: uint16(len(rec.RDATA))}
	rr, _, err := dns.UnpackRRWithHeader(header, rec.RDATA, 0)
	if err != nil {
		return nil, fmt.Errorf("converting a record: %w", err)
	}
	return rr, nil
}

// FromRR returns owner and RDATA of rr in wire format, uncompressed and with the
// case of names kept. Like dns.PackRR it sets the Rdlength in rr's header.
func FromRR(rr dns.RR) (owner, rdata []byte, err error) {
	owner = make([]byte, dname.MaxWire+1)
	n, err := dns.PackDomainName(rr.Header().Name, owner, 0, nil, false)
	if err != nil {
		return nil, nil, fmt.Errorf("converting the owner %q: %w", rr.Header().Name, err)
	}
	owner = owner[:n:n]
	const fixed = 10 // type, class, TTL and length
	// dns.Len may be too small for text with escapes: then there is room for all.
	for _, size := range []int{n + fixed + dns.Len(rr) + 64, n + fixed + math.MaxUint16 + 1} {
		buf := make([]byte, size)
		var end int
		if end, err = dns.PackRR(rr, buf, 0, nil, false); err == nil {
			rdata = buf[n+fixed : end : end]
			break
		}
	}
	switch {
	case err != nil:
		return nil, nil, err
	case len(rdata) > math.MaxUint16:
		return nil, nil, fmt.Errorf("converting %s: RDATA of %d bytes", dns.Type(rr.Header().Rrtype), len(rdata))
	}
	return owner, rdata, nil
}
