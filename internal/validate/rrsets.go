package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// rrset is an RRset of one section with the signatures that came with it.
type rrset struct {
	owner      string // canonical
	rrtype     uint16
	records    []dns.RR
	signatures []*dns.RRSIG
	seen       bool // some step of the thought has accounted for it
}

func (s *rrset) String() string { return s.owner + " " + dns.TypeToString[s.rrtype] }

// rrsets are those of one section in the order of their first records.
type rrsets []*rrset

func (s rrsets) find(owner string, rrtype uint16) *rrset {
	for _, set := range s {
		if set.owner == owner && set.rrtype == rrtype {
			return set
		}
	}
	return nil
}

// group sorts a section into RRsets. A signature without records makes an
// RRset that has none.
func group(section []dns.RR) rrsets {
	var sets rrsets
	for _, rr := range section {
		owner, rrtype := dns.CanonicalName(rr.Header().Name), rr.Header().Rrtype
		sig, signature := rr.(*dns.RRSIG)
		if signature {
			rrtype = sig.TypeCovered
		}
		set := sets.find(owner, rrtype)
		if set == nil {
			set = &rrset{owner: owner, rrtype: rrtype}
			sets = append(sets, set)
		}
		if signature {
			set.signatures = append(set.signatures, sig)
		} else {
			set.records = append(set.records, rr)
		}
	}
	return sets
}

// verify checks that set is signed by the zone (RFC 4035 §5.3). All signatures
// must hold: an authoritative server has no reason to send one that doesn't.
func (v *Validator) verify(set *rrset) error {
	set.seen = true
	switch {
	case len(set.records) == 0:
		return fmt.Errorf("%s has signatures but no records", set)
	case !dns.IsSubDomain(v.origin, set.owner):
		return fmt.Errorf("%s is outside of the zone %s", set, v.origin)
	case len(set.signatures) == 0:
		return fmt.Errorf("%s is not signed", set)
	}
	ttl := set.records[0].Header().Ttl
	for _, rr := range set.records {
		if rr.Header().Ttl != ttl {
			return fmt.Errorf("%s has records with different TTLs, %d and %d (RFC 2181 §5.2)", set, ttl, rr.Header().Ttl)
		}
	}
	for _, sig := range set.signatures {
		switch {
		case sig.Hdr.Ttl != ttl:
			return fmt.Errorf("the RRSIG of %s has the TTL %d, the records %d (RFC 4034 §3)", set, sig.Hdr.Ttl, ttl)
		case ttl > sig.OrigTtl:
			return fmt.Errorf("%s has the TTL %d, but %d is signed (RFC 4035 §5.3.3)", set, ttl, sig.OrigTtl)
		case !sig.ValidityPeriod(v.at):
			return fmt.Errorf("the RRSIG of %s is not valid at %s", set, v.at.UTC().Format("2006-01-02T15:04:05Z"))
		case dns.CanonicalName(sig.SignerName) != v.origin:
			return fmt.Errorf("the RRSIG of %s is signed by %s, expected %s (RFC 4035 §5.3.1)", set, sig.SignerName, v.origin)
		case sig.Labels != set.signatures[0].Labels:
			return fmt.Errorf("the RRSIGs of %s disagree about labels: %d and %d", set, sig.Labels, set.signatures[0].Labels)
		case int(sig.Labels) > dns.CountLabel(set.owner):
			return fmt.Errorf("the RRSIG of %s has %d labels, more than the owner (RFC 4035 §5.3.1)", set, sig.Labels)
		}
		if err := v.verifySignature(set, sig); err != nil {
			return fmt.Errorf("the RRSIG of %s by key %d doesn't verify: %w", set, sig.KeyTag, err)
		}
	}
	return nil
}

// verifySignature is the expensive part of verify, remembered.
func (v *Validator) verifySignature(set *rrset, sig *dns.RRSIG) error {
	lines := make([]string, 0, len(set.records)+1)
	for _, rr := range set.records {
		lines = append(lines, rr.String())
	}
	slices.Sort(lines)
	id := strings.Join(append(lines, sig.String()), "\n")
	if err, ok := v.verified.Load(id); ok {
		err, _ := err.(error)
		return err
	}
	err := fmt.Errorf("no such DNSKEY")
	for _, key := range v.keys {
		if key.KeyTag() == sig.KeyTag && key.Algorithm == sig.Algorithm {
			if err = sig.Verify(key, set.records); err == nil {
				break
			}
		}
	}
	v.verified.Store(id, err)
	return err
}

// expandedFrom returns the closest encloser whose wildcard a verified set was
// expanded from; ok is false when it was not (RFC 4035 §5.3.4).
func (s *rrset) expandedFrom() (closestEncloser string, ok bool) {
	return expansion(s.owner, s.signatures[0])
}

func expansion(owner string, sig *dns.RRSIG) (closestEncloser string, ok bool) {
	labels := dns.CountLabel(owner)
	if strings.HasPrefix(owner, "*.") {
		labels-- // RFC 4034 §3.1.3 doesn't count the asterisk
	}
	if int(sig.Labels) >= labels {
		return "", false
	}
	return ancestor(owner, int(sig.Labels)), true
}

// ancestor returns the last labels of a name.
func ancestor(name string, labels int) string {
	starts := dns.Split(name)
	if labels == 0 {
		return "."
	}
	return name[starts[len(starts)-labels]:]
}

func parent(name string) string {
	return ancestor(name, dns.CountLabel(name)-1)
}

func wildcardOf(closestEncloser string) string {
	if closestEncloser == "." {
		return "*."
	}
	return "*." + closestEncloser
}
