package validate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

const optOutFlag = 1 // RFC 5155 §3.1.2.1

// nsec3s proves by NSEC3 records (RFC 5155 §8).
type nsec3s struct {
	origin     string
	records    []*nsec3
	optOutUsed bool
}

type nsec3 struct {
	rr          *dns.NSEC3
	owner, next string // hashes in base32hex capitals, which sort like their bytes
	used        bool
}

// add refuses what a validator must ignore (RFC 5155 §8.1, §8.2).
func (p *nsec3s) add(rr *dns.NSEC3) error {
	owner := dns.CanonicalName(rr.Hdr.Name)
	switch {
	case rr.Hash != dns.SHA1 || rr.Flags&^optOutFlag != 0:
		return fmt.Errorf("NSEC3 record of %s: unknown hash algorithm %d or flags %d", owner, rr.Hash, rr.Flags)
	case owner == p.origin || parent(owner) != p.origin:
		return fmt.Errorf("NSEC3 record of %s: not a name directly below %s", owner, p.origin)
	}
	if len(p.records) > 0 {
		if first := p.records[0].rr; first.Iterations != rr.Iterations || first.Salt != rr.Salt {
			return errors.New("NSEC3 records with different parameters (RFC 5155 §8.2)")
		}
	}
	p.records = append(p.records, &nsec3{
		rr:    rr,
		owner: strings.ToUpper(owner[:strings.IndexByte(owner, '.')]),
		next:  strings.ToUpper(rr.NextDomain),
	})
	return nil
}

func (p *nsec3s) hash(name string) string {
	return dns.HashName(name, p.records[0].rr.Hash, p.records[0].rr.Iterations, p.records[0].rr.Salt)
}

func (p *nsec3s) match(name string) *nsec3 {
	hash := p.hash(name)
	for _, r := range p.records {
		if r.owner == hash {
			r.used = true
			return r
		}
	}
	return nil
}

func (p *nsec3s) cover(name string) (*nsec3, error) {
	hash := p.hash(name)
	for _, r := range p.records {
		after, before := r.owner < hash, hash < r.next
		if last := r.owner >= r.next; after && before || last && hash != r.owner && (after || before) {
			r.used = true
			return r, nil
		}
	}
	return nil, fmt.Errorf("no NSEC3 record covers %s", name)
}

// prove is the closest encloser proof of RFC 5155 §8.3. It returns the closest
// encloser and the record that covers the next closer name.
func (p *nsec3s) prove(name string) (closestEncloser string, nextCloser *nsec3, err error) {
	if p.match(name) != nil {
		return "", nil, fmt.Errorf("an NSEC3 record matches %s, which so exists", name)
	}
	below := name
	for below != p.origin {
		above := parent(below)
		r := p.match(above)
		if r == nil {
			below = above
			continue
		}
		if isAncestorDelegation(r.rr.TypeBitMap) || slices.Contains(r.rr.TypeBitMap, dns.TypeDNAME) {
			return "", nil, fmt.Errorf("the NSEC3 record of %s is a delegation's or a DNAME's and can't be the closest encloser of %s (RFC 5155 §8.3)", above, name)
		}
		if nextCloser, err = p.cover(below); err != nil {
			return "", nil, fmt.Errorf("next closer name of %s: %w", name, err)
		}
		return above, nextCloser, nil
	}
	return "", nil, fmt.Errorf("no NSEC3 record matches an ancestor of %s", name)
}

// noName: RFC 5155 §8.4.
func (p *nsec3s) noName(name string) error {
	encloser, nextCloser, err := p.prove(name)
	if err != nil {
		return err
	}
	if _, err = p.cover(wildcardOf(encloser)); err != nil {
		return fmt.Errorf("wildcard: %w", err)
	}
	p.note(nextCloser)
	return nil
}

// noType: RFC 5155 §8.5 and §8.6, and §8.7 with a wildcard.
func (p *nsec3s) noType(name string, rrtype uint16) error {
	if r := p.match(name); r != nil {
		if err := lacks(r.rr.TypeBitMap, rrtype, name == p.origin); err != nil {
			return fmt.Errorf("NSEC3 record of %s: %w", name, err)
		}
		return nil
	}
	encloser, nextCloser, err := p.prove(name)
	if err != nil {
		return err
	}
	source := wildcardOf(encloser)
	if w := p.match(source); w != nil {
		if err := lacks(w.rr.TypeBitMap, rrtype, false); err != nil {
			return fmt.Errorf("NSEC3 record of %s: %w", source, err)
		}
		p.note(nextCloser)
		return nil
	}
	// Below opt-out there may be unsigned delegations, and empty non-terminals
	// that lead only to such (RFC 5155 §7.1).
	if nextCloser.rr.Flags&optOutFlag == 0 {
		return fmt.Errorf("neither %s nor %s is matched, and no opt-out covers %s", name, source, name)
	}
	p.note(nextCloser)
	return nil
}

// noCloserMatch: RFC 5155 §8.8.
func (p *nsec3s) noCloserMatch(name, closestEncloser string) error {
	if len(p.records) == 0 {
		return fmt.Errorf("no NSEC3 record")
	}
	nextCloser := ancestor(name, dns.CountLabel(closestEncloser)+1)
	r, err := p.cover(nextCloser)
	if err != nil {
		return err
	}
	p.note(r)
	return nil
}

// noDS: RFC 5155 §8.9.
func (p *nsec3s) noDS(name string) error {
	if r := p.match(name); r != nil {
		if err := delegationWithoutDS(r.rr.TypeBitMap); err != nil {
			return fmt.Errorf("NSEC3 record of %s: %w", name, err)
		}
		return nil
	}
	_, nextCloser, err := p.prove(name)
	if err != nil {
		return err
	}
	if nextCloser.rr.Flags&optOutFlag == 0 {
		return fmt.Errorf("the NSEC3 record that covers the delegation %s has no opt-out flag", name)
	}
	p.note(nextCloser)
	return nil
}

func (p *nsec3s) note(nextCloser *nsec3) {
	p.optOutUsed = p.optOutUsed || nextCloser.rr.Flags&optOutFlag != 0
}

func (p *nsec3s) optOut() bool { return p.optOutUsed }

func (p *nsec3s) unused() (rrs []dns.RR) {
	for _, r := range p.records {
		if !r.used {
			rrs = append(rrs, r.rr)
		}
	}
	return rrs
}
