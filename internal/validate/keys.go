package validate

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Validator knows one zone's keys and a time. It may be used by several
// goroutines.
type Validator struct {
	origin string
	keys   []*dns.DNSKEY
	at     time.Time
	// verified remembers the outcome for a signature and the records that it
	// covers: the same NSEC records prove thousands of answers.
	verified sync.Map // string → error
}

// New returns a validator that trusts these keys of the zone as they are.
func New(origin string, keys []*dns.DNSKEY, at time.Time) *Validator {
	return &Validator{origin: dns.CanonicalName(origin), keys: keys, at: at}
}

// FromAnchor returns a validator that trusts the zone's DNSKEY RRset because
// one of the anchors' keys has signed it (RFC 4035 §5.2). records hold that
// RRset with its signatures, and may hold others.
func FromAnchor(origin string, anchors []*dns.DS, records []dns.RR, at time.Time) (*Validator, error) {
	v := New(origin, nil, at)
	var set []dns.RR
	var signatures []*dns.RRSIG
	for _, rr := range records {
		if dns.CanonicalName(rr.Header().Name) != v.origin {
			continue
		}
		switch rr := rr.(type) {
		case *dns.DNSKEY:
			v.keys = append(v.keys, rr)
			set = append(set, rr)
		case *dns.RRSIG:
			if rr.TypeCovered == dns.TypeDNSKEY {
				signatures = append(signatures, rr)
			}
		}
	}
	for _, key := range v.keys {
		if !anchored(key, anchors) {
			continue
		}
		for _, sig := range signatures {
			if sig.KeyTag == key.KeyTag() && sig.ValidityPeriod(at) && sig.Verify(key, set) == nil {
				return v, nil
			}
		}
	}
	return nil, fmt.Errorf("validate: none of the %d DNSKEY records of %s has a trust anchor and a valid signature over all of them",
		len(set), v.origin)
}

func anchored(key *dns.DNSKEY, anchors []*dns.DS) bool {
	for _, a := range anchors {
		ds := key.ToDS(a.DigestType)
		if ds != nil && ds.KeyTag == a.KeyTag && ds.Algorithm == a.Algorithm && strings.EqualFold(ds.Digest, a.Digest) {
			return true
		}
	}
	return false
}
