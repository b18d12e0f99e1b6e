package validate

import (
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// denial proves absence from the records of one response. A nil error is a
// complete proof.
type denial interface {
	// noName: neither the name nor a wildcard for it exists.
	noName(name string) error
	// noType: the name, or the wildcard for it, has neither this type nor CNAME.
	noType(name string, rrtype uint16) error
	// noCloserMatch: nothing but the wildcard at closestEncloser fits name.
	noCloserMatch(name, closestEncloser string) error
	// noDS: name is a delegation without DS RRset.
	noDS(name string) error
	optOut() bool
	unused() []dns.RR
}

// readDenial verifies the NSEC and NSEC3 records of the authority section.
func (c *check) readDenial() error {
	one := nsecs{origin: c.origin}
	three := nsec3s{origin: c.origin}
	for _, set := range c.authority {
		if set.rrtype != dns.TypeNSEC && set.rrtype != dns.TypeNSEC3 {
			continue
		}
		if err := c.verify(set); err != nil {
			return err
		}
		if len(set.records) != 1 {
			return fmt.Errorf("%s has %d records, expected one", set, len(set.records))
		}
		if _, ok := set.expandedFrom(); ok {
			return fmt.Errorf("%s is expanded from a wildcard, and proves nothing", set)
		}
		switch rr := set.records[0].(type) {
		case *dns.NSEC:
			if err := one.add(rr); err != nil {
				return err
			}
		case *dns.NSEC3:
			if err := three.add(rr); err != nil {
				return err
			}
		}
	}
	switch {
	case len(one.records) > 0 && len(three.records) > 0:
		return errors.New("both NSEC and NSEC3 records")
	case len(three.records) > 0:
		c.denial = &three
	default:
		c.denial = &one
	}
	return nil
}

// isAncestorDelegation tells whether a bit map is that of the parent's side of
// a zone cut. It says nothing about names and types that belong to the child
// (RFC 6840 §4.1).
func isAncestorDelegation(bitmap []uint16) bool {
	return slices.Contains(bitmap, dns.TypeNS) && !slices.Contains(bitmap, dns.TypeSOA)
}

// lacks checks that a name with this bit map has no RRset of the type, nor one
// that would stand in for it. apex tells that it is the validated zone's own.
func lacks(bitmap []uint16, rrtype uint16, apex bool) error {
	switch {
	case slices.Contains(bitmap, rrtype) || rrtype == dns.TypeANY && len(bitmap) > 0:
		return fmt.Errorf("the bit map has the type %s", dns.TypeToString[rrtype])
	case slices.Contains(bitmap, dns.TypeCNAME):
		return errors.New("the bit map has CNAME (RFC 6840 §4.3)")
	case rrtype == dns.TypeDS && slices.Contains(bitmap, dns.TypeSOA) && !apex:
		return errors.New("the record is the child's, the parent's must deny DS (RFC 6840 §4.4)")
	case rrtype != dns.TypeDS && isAncestorDelegation(bitmap):
		return fmt.Errorf("the record is the parent's, which can't deny %s (RFC 6840 §4.1)", dns.TypeToString[rrtype])
	}
	return nil
}

// delegationWithoutDS checks the bit map of an unsigned delegation (RFC 6840 §4.4).
func delegationWithoutDS(bitmap []uint16) error {
	switch {
	case slices.Contains(bitmap, dns.TypeDS):
		return errors.New("the bit map has DS, but the referral doesn't")
	case !isAncestorDelegation(bitmap):
		return errors.New("the bit map is not that of a delegation: NS without SOA")
	}
	return nil
}
