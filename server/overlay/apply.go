package overlay

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// maxRDATABytes is the longest RDATA that an update may add: two strings of full
// length, where a challenge needs one of 43 bytes.
const maxRDATABytes = 512

// refusal is an update that gets this RCODE.
type refusal int

func (r refusal) Error() string { return "update refused: " + dns.RcodeToString[int(r)] }

// apply carries out a signed update, and returns its RCODE.
func (o *Overlay) apply(m *dns.Msg) (rcode int) {
	err := func() error {
		z, err := o.zoneOf(m)
		if err != nil {
			return err
		}
		conditions, err := z.conditions(m.Answer)
		if err != nil {
			return err
		}
		changes, err := z.changes(m.Ns)
		if err != nil {
			return err
		}
		return o.change(func(records []record) error { return z.check(conditions, records) }, changes)
	}()
	var r refusal
	switch {
	case err == nil:
		return dns.RcodeSuccess
	case errors.As(err, &r):
		return int(r)
	default: // full, or closed
		return dns.RcodeRefused
	}
}

func (o *Overlay) zoneOf(m *dns.Msg) (*Zone, error) {
	apex, err := wireName(m.Question[0].Name)
	if err != nil {
		return nil, err
	}
	z := o.zones[string(apex)]
	if z == nil {
		return nil, refusal(dns.RcodeNotAuth)
	}
	return z, nil
}

// wireName returns a name that came out of a message, in lower case.
func wireName(name string) ([]byte, error) {
	wire := make([]byte, dname.MaxWire)
	n, err := dns.PackDomainName(name, wire, 0, nil, false)
	if err != nil {
		return nil, refusal(dns.RcodeFormatError)
	}
	dname.Lower(wire[:n])
	return wire[:n], nil
}

// owned returns the owner of a record of an update, which must be in the zone.
func (z *Zone) owned(rr dns.RR) ([]byte, error) {
	owner, err := wireName(rr.Header().Name)
	if err != nil {
		return nil, err
	}
	if !dname.IsSubdomain(owner, z.apex) {
		return nil, refusal(dns.RcodeNotZone)
	}
	return owner, nil
}

// rdataOf returns the RDATA of a TXT record.
func rdataOf(rr dns.RR) ([]byte, error) {
	bare := dns.Copy(rr)
	bare.Header().Name = "."
	wire := make([]byte, dns.Len(bare)+1)
	n, err := dns.PackRR(bare, wire, 0, nil, false)
	if err != nil || n < 1+10 {
		return nil, refusal(dns.RcodeFormatError)
	}
	return wire[1+10 : n], nil
}

// condition is what an update asks to hold before it is carried out
// (RFC 2136 §2.4).
type condition struct {
	owner  []byte
	rrtype uint16 // ANY: of the name
	absent bool
	// rdata, if valued, are all the records that the RRset must have.
	valued bool
	rdata  [][]byte
}

// conditions reads the prerequisites of an update (RFC 2136 §3.2.5).
func (z *Zone) conditions(section []dns.RR) ([]condition, error) {
	var out []condition
	for _, rr := range section {
		h := rr.Header()
		owner, err := z.owned(rr)
		if err != nil {
			return nil, err
		}
		c := condition{owner: owner, rrtype: h.Rrtype}
		switch {
		case h.Ttl != 0:
			return nil, refusal(dns.RcodeFormatError)
		case h.Class == dns.ClassANY || h.Class == dns.ClassNONE:
			if h.Rdlength != 0 {
				return nil, refusal(dns.RcodeFormatError)
			}
			c.absent = h.Class == dns.ClassNONE
		case h.Class == dns.ClassINET && h.Rrtype == dns.TypeTXT:
			rdata, err := rdataOf(rr)
			if err != nil {
				return nil, err
			}
			c.valued, c.rdata = true, [][]byte{rdata}
			if i := same(out, c); i >= 0 {
				out[i].rdata = append(out[i].rdata, rdata)
				continue
			}
		case h.Class == dns.ClassINET && h.Rrtype != dns.TypeANY:
			return nil, refusal(dns.RcodeNXRrset) // there is no RRset of that type with that value
		default:
			return nil, refusal(dns.RcodeFormatError)
		}
		out = append(out, c)
	}
	return out, nil
}

// same finds the condition about the same RRset's value.
func same(conditions []condition, c condition) int {
	for i, other := range conditions {
		if other.valued && bytes.Equal(other.owner, c.owner) {
			return i
		}
	}
	return -1
}

// check reports the first condition that the records do not satisfy.
func (z *Zone) check(conditions []condition, records []record) error {
	for _, c := range conditions {
		var set [][]byte
		name := bytes.Equal(c.owner, z.apex)
		for _, r := range records {
			name = name || dname.IsSubdomain(r.owner, c.owner)
			if bytes.Equal(r.owner, c.owner) {
				set = append(set, r.rdata)
			}
		}
		made := bytes.Equal(c.owner, z.apex) && (c.rrtype == dns.TypeSOA || c.rrtype == dns.TypeNS)
		rrset := made || c.rrtype == dns.TypeTXT && len(set) > 0
		switch {
		case c.valued && !equalSets(set, c.rdata):
			return refusal(dns.RcodeNXRrset)
		case c.rrtype == dns.TypeANY && !c.absent && !name:
			return refusal(dns.RcodeNameError)
		case c.rrtype == dns.TypeANY && c.absent && name:
			return refusal(dns.RcodeYXDomain)
		case c.rrtype != dns.TypeANY && !c.absent && !rrset:
			return refusal(dns.RcodeNXRrset)
		case c.rrtype != dns.TypeANY && c.absent && rrset:
			return refusal(dns.RcodeYXRrset)
		}
	}
	return nil
}

// equalSets reports whether a, which has no duplicates, has the members of b,
// which may have some.
func equalSets(a, b [][]byte) bool {
	in := func(set [][]byte, x []byte) bool {
		for _, y := range set {
			if bytes.Equal(x, y) {
				return true
			}
		}
		return false
	}
	for _, x := range a {
		if !in(b, x) {
			return false
		}
	}
	for _, x := range b {
		if !in(a, x) {
			return false
		}
	}
	return true
}

// changes reads the update section (RFC 2136 §3.4.1).
func (z *Zone) changes(section []dns.RR) ([]change, error) {
	var out []change
	for _, rr := range section {
		h := rr.Header()
		owner, err := z.owned(rr)
		if err != nil {
			return nil, err
		}
		c := change{zone: z, owner: owner}
		switch h.Class {
		case dns.ClassINET:
			c.action = add
			switch {
			case isMeta(h.Rrtype):
				return nil, refusal(dns.RcodeFormatError)
			case h.Rrtype != dns.TypeTXT:
				return nil, refusal(dns.RcodeRefused)
			}
		case dns.ClassANY:
			c.action = removeAll
			if h.Ttl != 0 || h.Rdlength != 0 || isMeta(h.Rrtype) && h.Rrtype != dns.TypeANY {
				return nil, refusal(dns.RcodeFormatError)
			}
			// SOA and NS at the apex stay (RFC 2136 §3.4.2.3), and there are no others.
			if h.Rrtype != dns.TypeTXT && h.Rrtype != dns.TypeANY {
				continue
			}
		case dns.ClassNONE:
			c.action = remove
			if h.Ttl != 0 || isMeta(h.Rrtype) {
				return nil, refusal(dns.RcodeFormatError)
			}
			if h.Rrtype != dns.TypeTXT {
				continue
			}
		default:
			return nil, refusal(dns.RcodeFormatError)
		}
		if c.action != removeAll {
			if c.rdata, err = rdataOf(rr); err != nil {
				return nil, err
			}
			if len(c.rdata) == 0 {
				return nil, refusal(dns.RcodeFormatError)
			}
			if len(c.rdata) > maxRDATABytes {
				return nil, fmt.Errorf("RDATA of %d bytes: %w", len(c.rdata), refusal(dns.RcodeRefused))
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// isMeta reports whether no zone can hold records of this type.
func isMeta(rrtype uint16) bool {
	return rrtype == dns.TypeOPT || rrtype >= 128 && rrtype <= 255
}
