package validate

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// nsecs proves by NSEC records (RFC 4035 §5.4).
type nsecs struct {
	origin  string
	records []*nsec
}

type nsec struct {
	rr          *dns.NSEC
	owner, next string // canonical
	used        bool
}

func (p *nsecs) add(rr *dns.NSEC) error {
	r := &nsec{rr: rr, owner: dns.CanonicalName(rr.Hdr.Name), next: dns.CanonicalName(rr.NextDomain)}
	if !dns.IsSubDomain(p.origin, r.next) || compare(r.owner, r.next) >= 0 && r.next != p.origin {
		return fmt.Errorf("the NSEC record of %s has an impossible next name %s (RFC 4034 §4.1.1)", r.owner, r.next)
	}
	p.records = append(p.records, r)
	return nil
}

func (p *nsecs) match(name string) *nsec {
	for _, r := range p.records {
		if r.owner == name {
			r.used = true
			return r
		}
	}
	return nil
}

// cover finds the record that says that name doesn't exist, or that it is an
// empty non-terminal.
func (p *nsecs) cover(name string) (*nsec, error) {
	for _, r := range p.records {
		if compare(r.owner, name) >= 0 || compare(name, r.next) >= 0 && r.next != p.origin {
			continue
		}
		if dns.IsSubDomain(r.owner, name) && (isAncestorDelegation(r.rr.TypeBitMap) || slices.Contains(r.rr.TypeBitMap, dns.TypeDNAME)) {
			return nil, fmt.Errorf("the NSEC record of %s is a delegation's or a DNAME's and can't deny %s below it (RFC 6840 §4.1)", r.owner, name)
		}
		r.used = true
		return r, nil
	}
	return nil, fmt.Errorf("no NSEC record covers %s", name)
}

// closestEncloser is the longest existing ancestor of a name that r covers: the
// neighbours in canonical order show all that exists around it.
func (r *nsec) closestEncloser(name string) string {
	labels := max(dns.CompareDomainName(name, r.owner), dns.CompareDomainName(name, r.next))
	return ancestor(name, labels)
}

// absent checks that name doesn't exist and returns its closest encloser.
func (p *nsecs) absent(name string) (closestEncloser string, err error) {
	r, err := p.cover(name)
	if err != nil {
		return "", err
	}
	if dns.IsSubDomain(name, r.next) {
		return "", fmt.Errorf("%s exists, as an empty non-terminal above %s", name, r.next)
	}
	return r.closestEncloser(name), nil
}

// noName: RFC 4035 §3.1.3.2.
func (p *nsecs) noName(name string) error {
	encloser, err := p.absent(name)
	if err != nil {
		return err
	}
	if _, err = p.absent(wildcardOf(encloser)); err != nil {
		return fmt.Errorf("wildcard: %w", err)
	}
	return nil
}

// noType: RFC 4035 §3.1.3.1, and §3.1.3.4 with a wildcard.
func (p *nsecs) noType(name string, rrtype uint16) error {
	if r := p.match(name); r != nil {
		if err := lacks(r.rr.TypeBitMap, rrtype, name == p.origin); err != nil {
			return fmt.Errorf("NSEC record of %s: %w", name, err)
		}
		return nil
	}
	r, err := p.cover(name)
	if err != nil {
		return fmt.Errorf("no NSEC record matches %s, and %w", name, err)
	}
	if dns.IsSubDomain(name, r.next) {
		return nil // an empty non-terminal has no types
	}
	source := wildcardOf(r.closestEncloser(name))
	w := p.match(source)
	if w == nil {
		if r, err := p.cover(source); err == nil && dns.IsSubDomain(source, r.next) {
			return nil // the wildcard is an empty non-terminal (RFC 4592 §2.2.2)
		}
		return fmt.Errorf("%s doesn't exist and no NSEC record matches %s", name, source)
	}
	if err := lacks(w.rr.TypeBitMap, rrtype, false); err != nil {
		return fmt.Errorf("NSEC record of %s: %w", source, err)
	}
	return nil
}

// noCloserMatch: RFC 4035 §5.3.4.
func (p *nsecs) noCloserMatch(name, closestEncloser string) error {
	found, err := p.absent(name)
	if err != nil {
		return err
	}
	if found != closestEncloser {
		return fmt.Errorf("the closest encloser of %s is %s", name, found)
	}
	return nil
}

// noDS: RFC 4035 §5.2.
func (p *nsecs) noDS(name string) error {
	r := p.match(name)
	if r == nil {
		return fmt.Errorf("no DS RRset and no NSEC record for the delegation %s", name)
	}
	if err := delegationWithoutDS(r.rr.TypeBitMap); err != nil {
		return fmt.Errorf("NSEC record of %s: %w", name, err)
	}
	return nil
}

func (p *nsecs) optOut() bool { return false }

func (p *nsecs) unused() (rrs []dns.RR) {
	for _, r := range p.records {
		if !r.used {
			rrs = append(rrs, r.rr)
		}
	}
	return rrs
}

// compare orders canonical names as RFC 4034 §6.1 says: label by label from the
// root, each as bytes, a missing label first.
func compare(a, b string) int {
	la, lb := wireLabels(a), wireLabels(b)
	for i := 1; i <= min(len(la), len(lb)); i++ {
		if order := bytes.Compare(la[len(la)-i], lb[len(lb)-i]); order != 0 {
			return order
		}
	}
	return len(la) - len(lb)
}

func wireLabels(name string) (labels [][]byte) {
	var wire [256]byte
	if _, err := dns.PackDomainName(name, wire[:], 0, nil, false); err != nil {
		panic("validate: name from a message can't be packed: " + name)
	}
	for i := 0; wire[i] != 0; i += 1 + int(wire[i]) {
		labels = append(labels, wire[i+1:i+1+int(wire[i])])
	}
	return labels
}
