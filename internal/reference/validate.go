package reference

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Validate judges a complete response to a query with DO set as a validating
// resolver does that trusts the keys, which are those of the zone it came
// from: signatures (RFC 4035 §5.3), and proofs that something isn't there (§5.4,
// RFC 5155 §8, RFC 6840 §4). Signatures are checked but not their dates.
// Responses other than NOERROR, NXDOMAIN and YXDOMAIN prove nothing and pass.
func Validate(m *dns.Msg, keys []*dns.DNSKEY) error {
	if len(m.Question) != 1 || len(keys) == 0 {
		return errors.New("nothing to validate")
	}
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError, dns.RcodeYXDomain:
	default:
		return nil
	}
	v := &validator{
		m:     m,
		keys:  keys,
		apex:  parseName(keys[0].Hdr.Name),
		qtype: m.Question[0].Qtype,
		sets:  map[string]*signedSet{},
	}
	if err := v.collect(); err != nil {
		return err
	}
	return v.chain(parseName(m.Question[0].Name))
}

// validator holds a response whose signatures have been checked.
type validator struct {
	m     *dns.Msg
	keys  []*dns.DNSKEY
	apex  name
	qtype uint16
	sets  map[string]*signedSet // of answer and authority, by setKey
}

type signedSet struct {
	owner   name
	records []dns.RR
	labels  int // of the signature; 0 when there is none
	signed  bool
}

func setKey(owner name, rtype uint16) string { return fmt.Sprint(rtype, " ", owner) }

func (v *validator) find(owner name, rtype uint16) *signedSet { return v.sets[setKey(owner, rtype)] }

// collect gathers the RRsets of answer and authority and verifies all
// signatures.
func (v *validator) collect() error {
	section := slices.Concat(v.m.Answer, v.m.Ns)
	for _, rr := range section {
		h := rr.Header()
		if h.Rrtype == dns.TypeRRSIG {
			continue
		}
		key := setKey(parseName(h.Name), h.Rrtype)
		if v.sets[key] == nil {
			v.sets[key] = &signedSet{owner: parseName(h.Name)}
		}
		v.sets[key].records = append(v.sets[key].records, rr)
	}
	for _, rr := range section {
		signature, ok := rr.(*dns.RRSIG)
		if !ok {
			continue
		}
		set := v.find(parseName(signature.Hdr.Name), signature.TypeCovered)
		if set == nil {
			if v.qtype == dns.TypeRRSIG {
				continue
			}
			return fmt.Errorf("a signature over nothing: %v", signature)
		}
		if err := v.verify(signature, set.records); err != nil {
			return fmt.Errorf("%v: %w", signature, err)
		}
		set.signed, set.labels = true, int(signature.Labels)
	}
	return nil
}

func (v *validator) verify(signature *dns.RRSIG, set []dns.RR) error {
	for _, key := range v.keys {
		if key.KeyTag() == signature.KeyTag && key.Algorithm == signature.Algorithm {
			return signature.Verify(key, set)
		}
	}
	return errors.New("no key for it")
}

// chain goes from the queried name along CNAMEs and DNAMEs to the answer.
func (v *validator) chain(n name) error {
	seen := map[name]bool{}
	for links := 0; ; links++ {
		seen[n] = true
		target, found, err := v.link(n)
		switch {
		case err != nil:
			return err
		case found:
			return nil
		case target == "":
			return v.ending(n)
		case !target.isWithin(v.apex) || seen[target] || links+1 == maxLinks:
			return nil
		}
		n = target
	}
}

// link returns the target of the CNAME or DNAME that the response has for n, or
// finds that the response has the answer.
func (v *validator) link(n name) (target name, found bool, err error) {
	cname := v.find(n, dns.TypeCNAME)
	for _, at := range n.pathFrom(v.apex) {
		set := v.find(at, dns.TypeDNAME)
		if set == nil || at == n || !slices.ContainsFunc(v.m.Answer, func(rr dns.RR) bool { return rr == set.records[0] }) {
			continue
		}
		if !set.signed {
			return "", false, fmt.Errorf("DNAME of %v isn't signed", at)
		}
		target = n[:len(n)-len(at)] + parseName(set.records[0].(*dns.DNAME).Target)
		if len(target) > 255 {
			if v.m.Rcode != dns.RcodeYXDomain {
				return "", false, fmt.Errorf("%v becomes too long, but RCODE isn't YXDOMAIN", n)
			}
			return "", true, nil
		}
		if cname == nil || parseName(cname.records[0].(*dns.CNAME).Target) != target {
			return "", false, fmt.Errorf("the CNAME of %v doesn't follow from the DNAME of %v", n, at)
		}
		return target, false, nil
	}
	if v.qtype == dns.TypeRRSIG || v.qtype == dns.TypeANY {
		for _, rr := range v.m.Answer {
			if parseName(rr.Header().Name) == n {
				return "", true, nil
			}
		}
		return "", false, nil
	}
	if set := v.find(n, v.qtype); set != nil && slices.Contains(v.m.Answer, set.records[0]) {
		return "", true, v.positive(set)
	}
	if cname == nil {
		return "", false, nil
	}
	return parseName(cname.records[0].(*dns.CNAME).Target), false, v.positive(cname)
}

// positive checks an RRset of the answer, and that there was no closer match
// than the wildcard that it may come from (RFC 4035 §5.3.4).
func (v *validator) positive(set *signedSet) error {
	if !set.signed {
		return fmt.Errorf("%v %s isn't signed", set.owner, dns.TypeToString[set.records[0].Header().Rrtype])
	}
	labels := set.owner.labels()
	if strings.HasPrefix(string(set.owner), "\x01*") {
		labels = labels[1:]
	}
	if set.labels == len(labels) {
		return nil
	}
	encloser := set.owner
	for len(encloser.labels()) > set.labels {
		encloser = encloser.parent()
	}
	next := set.owner.nextCloser(encloser)
	if nsec := v.coveringNSEC(set.owner); nsec != nil && commonEncloser(set.owner, nsec) == encloser {
		return nil
	}
	if v.coveringNSEC3(next) != nil {
		return nil
	}
	return fmt.Errorf("%v is expanded from a wildcard, but nothing proves that %v doesn't exist", set.owner, next)
}

// ending checks the proof in a response that has no answer for n.
func (v *validator) ending(n name) error {
	for _, rr := range v.m.Ns {
		if rr.Header().Rrtype == dns.TypeNS {
			return v.referral(parseName(rr.Header().Name), n)
		}
	}
	soa := v.find(v.apex, dns.TypeSOA)
	if soa == nil || !soa.signed {
		return errors.New("a negative answer without a signed SOA")
	}
	if v.m.Rcode == dns.RcodeNameError {
		return v.nameError(n)
	}
	return v.noData(n)
}

// referral checks the DS of a delegation, or the proof that it has none.
func (v *validator) referral(cut, n name) error {
	if !n.isWithin(cut) || !cut.isBelow(v.apex) {
		return fmt.Errorf("a referral to %v doesn't help with %v", cut, n)
	}
	if ds := v.find(cut, dns.TypeDS); ds != nil {
		if !ds.signed {
			return fmt.Errorf("DS of %v isn't signed", cut)
		}
		return nil
	}
	isInsecure := func(types []uint16) bool {
		return slices.Contains(types, dns.TypeNS) && !slices.Contains(types, dns.TypeDS) && !slices.Contains(types, dns.TypeSOA)
	}
	if nsec := v.find(cut, dns.TypeNSEC); nsec != nil {
		if !isInsecure(nsec.records[0].(*dns.NSEC).TypeBitMap) {
			return fmt.Errorf("NSEC of %v doesn't show an insecure delegation", cut)
		}
		return nil
	}
	if nsec3 := v.matchingNSEC3(cut); nsec3 != nil {
		if !isInsecure(nsec3.TypeBitMap) {
			return fmt.Errorf("NSEC3 of %v doesn't show an insecure delegation", cut)
		}
		return nil
	}
	return v.optOut(cut)
}

// optOut checks that n may be there, but unsigned (RFC 5155 §8.6, §8.9).
func (v *validator) optOut(n name) error {
	_, cover, err := v.closestEncloser(n)
	if err != nil {
		return err
	}
	if cover.Flags&1 == 0 {
		return fmt.Errorf("%v is covered, but not by an opt-out span", n)
	}
	return nil
}

// nameError checks RFC 4035 §5.4 and RFC 5155 §8.4.
func (v *validator) nameError(n name) error {
	if nsec := v.coveringNSEC(n); nsec != nil {
		wildcard := commonEncloser(n, nsec).wildcard()
		if v.coveringNSEC(wildcard) == nil {
			return fmt.Errorf("nothing proves that %v doesn't exist", wildcard)
		}
		return nil
	}
	encloser, _, err := v.closestEncloser(n)
	if err != nil {
		return err
	}
	if v.coveringNSEC3(encloser.wildcard()) == nil {
		return fmt.Errorf("no NSEC3 covers %v", encloser.wildcard())
	}
	return nil
}

// noData checks RFC 4035 §5.4 and RFC 5155 §8.5 to §8.7.
func (v *validator) noData(n name) error {
	absent := func(owner name, types []uint16) error {
		if slices.Contains(types, v.qtype) || slices.Contains(types, dns.TypeCNAME) {
			return fmt.Errorf("%v has what is said to be missing: %v", owner, types)
		}
		// RFC 6840 §4.1, §4.4: the parent speaks only of DS at a cut, and the
		// child never does.
		isCut := slices.Contains(types, dns.TypeNS) && !slices.Contains(types, dns.TypeSOA)
		if isCut != (v.qtype == dns.TypeDS) && isCut {
			return fmt.Errorf("the NSEC or NSEC3 of %v is from the wrong side of the cut", owner)
		}
		return nil
	}
	if nsec := v.find(n, dns.TypeNSEC); nsec != nil {
		return absent(n, nsec.records[0].(*dns.NSEC).TypeBitMap)
	}
	if nsec3 := v.matchingNSEC3(n); nsec3 != nil {
		return absent(n, nsec3.TypeBitMap)
	}
	if nsec := v.coveringNSEC(n); nsec != nil {
		if parseName(nsec.NextDomain).isBelow(n) {
			return nil // an empty non-terminal
		}
		wildcard := commonEncloser(n, nsec).wildcard()
		if match := v.find(wildcard, dns.TypeNSEC); match != nil {
			return absent(wildcard, match.records[0].(*dns.NSEC).TypeBitMap)
		}
		if cover := v.coveringNSEC(wildcard); cover != nil && parseName(cover.NextDomain).isBelow(wildcard) {
			return nil
		}
		return fmt.Errorf("%v doesn't exist, and nothing shows a wildcard without the type", n)
	}
	encloser, _, err := v.closestEncloser(n)
	if err != nil {
		return err
	}
	if match := v.matchingNSEC3(encloser.wildcard()); match != nil {
		return absent(encloser.wildcard(), match.TypeBitMap)
	}
	return v.optOut(n)
}

// coveringNSEC is a signed NSEC record that covers n, and may say so: not one
// from the parent's side of a cut, or of a DNAME, that n is below (RFC 6840 §4.1).
func (v *validator) coveringNSEC(n name) *dns.NSEC {
	for _, set := range v.sets {
		nsec, ok := set.records[0].(*dns.NSEC)
		if !ok || !set.signed {
			continue
		}
		next := parseName(nsec.NextDomain)
		if set.owner.compare(n) < 0 && (next == v.apex || n.compare(next) < 0) && !(n.isBelow(set.owner) && endsZone(nsec.TypeBitMap)) {
			return nsec
		}
	}
	return nil
}

// endsZone reports whether names below the owner of such types aren't
// this zone's to speak of.
func endsZone(types []uint16) bool {
	return slices.Contains(types, dns.TypeDNAME) || slices.Contains(types, dns.TypeNS) && !slices.Contains(types, dns.TypeSOA)
}

// commonEncloser is the closest encloser of n that the NSEC covering it shows:
// the longest ancestor that n shares with the NSEC's owner or next name.
func commonEncloser(n name, nsec *dns.NSEC) name {
	owner, next := parseName(nsec.Hdr.Name), parseName(nsec.NextDomain)
	for n = n.parent(); !owner.isWithin(n) && !next.isWithin(n); {
		n = n.parent()
	}
	return n
}

// closestEncloser checks the closest encloser proof (RFC 5155 §8.3) and returns
// the encloser and the NSEC3 covering the next closer name.
func (v *validator) closestEncloser(n name) (name, *dns.NSEC3, error) {
	for encloser := n; encloser != v.apex; {
		next := encloser
		encloser = encloser.parent()
		match := v.matchingNSEC3(encloser)
		if match == nil {
			continue
		}
		if endsZone(match.TypeBitMap) {
			return "", nil, fmt.Errorf("%v, the encloser of %v, is a cut or has a DNAME", encloser, n)
		}
		if cover := v.coveringNSEC3(next); cover != nil {
			return encloser, cover, nil
		}
		return "", nil, fmt.Errorf("no NSEC3 covers %v", next)
	}
	return "", nil, fmt.Errorf("no NSEC3 matches an encloser of %v", n)
}

func (v *validator) matchingNSEC3(n name) *dns.NSEC3 {
	return v.searchNSEC3(n, func(hash, owner, _ string) bool { return hash == owner })
}

func (v *validator) coveringNSEC3(n name) *dns.NSEC3 {
	return v.searchNSEC3(n, func(hash, owner, next string) bool {
		if owner < next {
			return owner < hash && hash < next
		}
		return owner < hash || hash < next // the last of the chain, or its only one
	})
}

// searchNSEC3 finds a signed NSEC3 record by the hash of n, that of its owner and
// the next one. (The library's Match and Cover know no NSEC3 of the root zone.)
func (v *validator) searchNSEC3(n name, fits func(hash, owner, next string) bool) *dns.NSEC3 {
	for _, set := range v.sets {
		nsec3, ok := set.records[0].(*dns.NSEC3)
		if !ok || !set.signed || set.owner.parent() != v.apex {
			continue
		}
		hash := dns.HashName(n.String(), nsec3.Hash, nsec3.Iterations, nsec3.Salt)
		if fits(hash, strings.ToUpper(set.owner.labels()[0]), strings.ToUpper(nsec3.NextDomain)) {
			return nsec3
		}
	}
	return nil
}
