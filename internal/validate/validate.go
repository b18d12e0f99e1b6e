package validate

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// Kind is what a response turned out to be.
type Kind uint8

// The kinds of responses. A chain of CNAME and DNAME records may lead to each
// of them.
const (
	Positive         Kind = iota // the RRset asked for
	NoData                       // the name exists, or a wildcard stands in for it, but not the type
	NameError                    // the name doesn't exist
	SignedReferral               // with a DS RRset
	UnsignedReferral             // with the proof that there is no DS RRset
	LeavesZone                   // a chain whose next name is outside of the zone
	Unfinished                   // a chain that goes in circles, or on for too long
	TooLong                      // YXDOMAIN: a DNAME that would make a name too long
)

func (k Kind) String() string {
	return [...]string{"positive", "NODATA", "NXDOMAIN", "signed referral", "unsigned referral", "leaves zone", "unfinished chain", "YXDOMAIN"}[k]
}

// maxNameBytes is RFC 1035 §3.1's limit; the library lets a few more pass.
const maxNameBytes = 255

// longChain is the number of links after which a server may give up.
const longChain = 8

// Result describes a valid response.
type Result struct {
	Kind      Kind
	Links     int      // CNAME and DNAME records followed
	Wildcards int      // RRsets that were expanded from a wildcard
	OptOut    bool     // an opt-out NSEC3 record was part of a proof: what it denies may exist unsigned
	Unused    []dns.RR // NSEC and NSEC3 records that proved nothing that had to be proved
}

// Check judges a response to a query with DO=1 for a name in the zone.
func (v *Validator) Check(m *dns.Msg) (Result, error) {
	c := &check{Validator: v, m: m}
	err := c.run()
	if err != nil {
		var question string
		if len(m.Question) == 1 {
			question = m.Question[0].Name + " " + dns.TypeToString[m.Question[0].Qtype]
		}
		return c.result, fmt.Errorf("validate: answer to %s: %w", question, err)
	}
	return c.result, nil
}

// check is the validation of one response.
type check struct {
	*Validator
	m                 *dns.Msg
	answer, authority rrsets
	denial            denial
	wildcards         []wildcard
	result            Result
}

// wildcard is an expansion that needs the proof that nothing else matches.
type wildcard struct{ name, closestEncloser string }

func (c *check) run() error {
	if len(c.m.Question) != 1 {
		return fmt.Errorf("%d questions", len(c.m.Question))
	}
	q := c.m.Question[0]
	switch {
	case c.m.Truncated:
		return errors.New("truncated")
	case !dns.IsSubDomain(c.origin, q.Name):
		return fmt.Errorf("the name is outside of %s", c.origin)
	case c.m.Rcode != dns.RcodeSuccess && c.m.Rcode != dns.RcodeNameError && c.m.Rcode != dns.RcodeYXDomain:
		return fmt.Errorf("rcode %s", dns.RcodeToString[c.m.Rcode])
	}
	c.answer, c.authority = group(c.m.Answer), group(c.m.Ns)
	if err := c.checkAdditional(); err != nil {
		return err
	}
	if err := c.readDenial(); err != nil {
		return err
	}
	name, found, err := c.followChain(dns.CanonicalName(q.Name), q.Qtype)
	if err != nil {
		return err
	}
	for _, w := range c.wildcards {
		c.result.Wildcards++
		if err := c.denial.noCloserMatch(w.name, w.closestEncloser); err != nil {
			return fmt.Errorf("wildcard %s answers for %s, but: %w", wildcardOf(w.closestEncloser), w.name, err)
		}
	}
	if err := c.judgeEnd(name, q.Qtype, found); err != nil {
		return err
	}
	for _, sets := range []rrsets{c.answer, c.authority} {
		for _, set := range sets {
			if !set.seen {
				return fmt.Errorf("%s has no reason to be in the response", set)
			}
		}
	}
	c.result.OptOut = c.denial.optOut()
	c.result.Unused = c.denial.unused()
	return nil
}

// checkAdditional verifies what is signed there; glue never is.
func (c *check) checkAdditional() error {
	for _, set := range group(c.m.Extra) {
		if len(set.signatures) > 0 {
			if err := c.verify(set); err != nil {
				return fmt.Errorf("additional section: %w", err)
			}
		}
	}
	return nil
}

// followChain walks the answer section from the question's name to the end of
// the chain, and tells whether the type asked for was found there.
func (c *check) followChain(name string, qtype uint16) (end string, found bool, err error) {
	visited := map[string]bool{}
	for next := ""; ; {
		if visited[name] {
			c.result.Kind = Unfinished
			return name, false, nil
		}
		visited[name] = true
		if dname := c.dnameAbove(name); dname != nil {
			if next, err = c.takeDNAME(name, dname); err != nil || next == "" {
				return name, false, err
			}
			// The CNAME that it makes may itself be what was asked for.
			if (qtype == dns.TypeCNAME || qtype == dns.TypeANY) && !c.goesOn(next) {
				return name, true, nil
			}
		} else {
			if found, err = c.takeAnswer(name, qtype); found || err != nil {
				return name, found, err
			}
			if next, err = c.takeCNAME(name); err != nil || next == "" {
				return name, false, err
			}
		}
		c.result.Links++
		name = next
	}
}

// goesOn tells whether the response says anything about name.
func (c *check) goesOn(name string) bool {
	for _, set := range c.answer {
		if set.owner == name {
			return true
		}
	}
	return c.cut() != nil || c.authority.find(c.origin, dns.TypeSOA) != nil
}

// takeAnswer accounts for what the answer section holds for the type asked for.
func (c *check) takeAnswer(name string, qtype uint16) (found bool, err error) {
	for _, set := range c.answer {
		if set.owner != name {
			continue
		}
		switch {
		case qtype == dns.TypeRRSIG:
			// Signatures are not signed (RFC 4035 §2.2): only what they say of a wildcard counts.
			if len(set.records) == 0 && len(set.signatures) > 0 {
				set.seen, found = true, true
				if encloser, ok := expansion(name, set.signatures[0]); ok {
					c.wildcards = append(c.wildcards, wildcard{name, encloser})
				}
			}
		case set.rrtype == qtype || qtype == dns.TypeANY:
			if err := c.takeSigned(set); err != nil {
				return false, err
			}
			found = true
		}
	}
	return found, nil
}

// takeSigned verifies a set and notes the wildcard that it comes from.
func (c *check) takeSigned(set *rrset) error {
	if err := c.verify(set); err != nil {
		return err
	}
	if encloser, ok := set.expandedFrom(); ok {
		c.wildcards = append(c.wildcards, wildcard{set.owner, encloser})
	}
	return nil
}

// takeCNAME returns the name that the CNAME record of name leads to, or "".
func (c *check) takeCNAME(name string) (string, error) {
	cname := c.answer.find(name, dns.TypeCNAME)
	if cname == nil {
		return "", nil
	}
	if len(cname.records) > 1 {
		return "", fmt.Errorf("%s has %d CNAME records", name, len(cname.records))
	}
	if err := c.takeSigned(cname); err != nil {
		return "", err
	}
	return dns.CanonicalName(cname.records[0].(*dns.CNAME).Target), nil
}

// dnameAbove returns the DNAME RRset of an ancestor of name, or nil.
func (c *check) dnameAbove(name string) *rrset {
	for name != "." {
		name = parent(name)
		if set := c.answer.find(name, dns.TypeDNAME); set != nil {
			return set
		}
	}
	return nil
}

// takeDNAME checks the CNAME record that a DNAME record implies (RFC 6672 §3.1,
// §5.3.1: it is not signed, the validator makes it again).
func (c *check) takeDNAME(name string, set *rrset) (string, error) {
	if len(set.records) != 1 {
		return "", fmt.Errorf("%s has %d DNAME records", set.owner, len(set.records))
	}
	if err := c.verify(set); err != nil {
		return "", err
	}
	if _, ok := set.expandedFrom(); ok {
		return "", fmt.Errorf("%s is expanded from a wildcard", set)
	}
	target := dns.CanonicalName(set.records[0].(*dns.DNAME).Target)
	want := name[:len(name)-len(set.owner)]
	if set.owner == "." {
		want = name
	}
	if target != "." {
		want += target
	}
	cname := c.answer.find(name, dns.TypeCNAME)
	if n, err := dns.PackDomainName(want, make([]byte, 512), 0, nil, false); err != nil || n > maxNameBytes {
		if c.m.Rcode != dns.RcodeYXDomain || cname != nil {
			return "", fmt.Errorf("%s makes a name that is too long, expected YXDOMAIN (RFC 6672 §2.2)", set)
		}
		c.result.Kind = TooLong
		return "", nil
	}
	switch {
	case cname == nil && c.result.Links >= longChain:
		c.result.Kind = Unfinished // a DNAME may serve every link of a chain
		return "", nil
	case cname == nil || len(cname.records) != 1:
		return "", fmt.Errorf("%s has no CNAME beside it for %s", set, name)
	case len(cname.signatures) > 0:
		return "", fmt.Errorf("the CNAME of %s comes from a DNAME and must not be signed", name)
	}
	cname.seen = true
	if got := dns.CanonicalName(cname.records[0].(*dns.CNAME).Target); got != want {
		return "", fmt.Errorf("%s makes %s of %s, not %s", set, want, name, got)
	}
	return want, nil
}

// judgeEnd decides what the last name of the chain amounts to.
func (c *check) judgeEnd(name string, qtype uint16, found bool) error {
	soa, err := c.takeSOA()
	if err != nil {
		return err
	}
	cut := c.cut()
	outside := !dns.IsSubDomain(c.origin, name)
	switch {
	case (c.result.Kind == TooLong) != (c.m.Rcode == dns.RcodeYXDomain):
		return errors.New("YXDOMAIN, but no DNAME that would explain it")
	case c.m.Rcode == dns.RcodeNameError:
		if found || outside || c.result.Kind == Unfinished {
			return fmt.Errorf("NXDOMAIN, but %s is not what is missing", name)
		}
		if !soa {
			return errors.New("NXDOMAIN without SOA record (RFC 2308 §2.1)")
		}
		c.result.Kind = NameError
		return c.denial.noName(name)
	case c.result.Kind == TooLong, found, outside, c.result.Kind == Unfinished:
		if soa || cut != nil {
			return fmt.Errorf("the answer is complete with %s, but there is a SOA record or a referral", name)
		}
		if outside {
			c.result.Kind = LeavesZone
		}
		return nil
	case soa && cut == nil:
		c.result.Kind = NoData
		return c.denial.noType(name, qtype)
	case cut != nil && !soa:
		return c.takeReferral(name, qtype, cut)
	case soa:
		return fmt.Errorf("both a SOA record and a referral to %s", cut.owner)
	case c.result.Links >= longChain:
		c.result.Kind = Unfinished
		return nil
	}
	return fmt.Errorf("nothing for %s: neither answer, nor referral, nor SOA record", name)
}

// takeSOA accounts for the SOA record of negative answers, and for the zone's
// NS records, which some servers add to positive ones.
func (c *check) takeSOA() (found bool, err error) {
	for _, set := range c.authority {
		switch {
		case set.rrtype == dns.TypeSOA:
			if set.owner != c.origin || len(set.records) != 1 {
				return false, fmt.Errorf("%d SOA records of %s, expected one of %s", len(set.records), set.owner, c.origin)
			}
			if minimum := set.records[0].(*dns.SOA).Minttl; set.records[0].Header().Ttl > minimum {
				return false, fmt.Errorf("the SOA record has a TTL above its MINIMUM %d (RFC 2308 §3)", minimum)
			}
			found = true
		case set.rrtype == dns.TypeNS && set.owner == c.origin:
		default:
			continue
		}
		if err := c.verify(set); err != nil {
			return false, err
		}
	}
	return found, nil
}

// cut returns the NS RRset of a referral, or nil.
func (c *check) cut() *rrset {
	for _, set := range c.authority {
		if set.rrtype == dns.TypeNS && set.owner != c.origin {
			return set
		}
	}
	return nil
}

// takeReferral checks a referral to a zone below (RFC 4035 §5.2, §3.1.4).
func (c *check) takeReferral(name string, qtype uint16, cut *rrset) error {
	switch {
	case !dns.IsSubDomain(c.origin, cut.owner) || !dns.IsSubDomain(cut.owner, name):
		return fmt.Errorf("referral to %s, which is not on the way to %s", cut.owner, name)
	case cut.owner == name && qtype == dns.TypeDS:
		return fmt.Errorf("referral for the DS RRset of %s, which the parent has (RFC 4035 §3.1.4.1)", name)
	case len(cut.signatures) > 0 || len(cut.records) == 0:
		return fmt.Errorf("%s belongs to the child, but %s has signed it (RFC 4035 §2.2)", cut, c.origin)
	}
	cut.seen = true
	ds := c.authority.find(cut.owner, dns.TypeDS)
	if ds == nil {
		c.result.Kind = UnsignedReferral
		return c.denial.noDS(cut.owner)
	}
	c.result.Kind = SignedReferral
	if err := c.verify(ds); err != nil {
		return err
	}
	if _, ok := ds.expandedFrom(); ok {
		return fmt.Errorf("%s is expanded from a wildcard", ds)
	}
	return nil
}
