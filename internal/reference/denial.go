package reference

import "github.com/miekg/dns"

// proveNameError proves that n doesn't exist and that no wildcard stands in for
// it (RFC 4035 §3.1.3.2, RFC 5155 §7.2.2).
func (a *answer) proveNameError(n name) {
	encloser := a.z.closestEncloser(n)
	switch a.z.denial {
	case withNSEC:
		a.addProof(a.z.coveringNSEC(n))
		a.addProof(a.z.coveringNSEC(encloser.wildcard()))
	case withNSEC3:
		encloser = a.proveClosestEncloser(n)
		wildcard := encloser.wildcard()
		a.addProof(a.z.coveringNSEC3(wildcard))
		// Only where opt-out hides the real closest encloser, an empty
		// non-terminal, can a wildcard exist at the provable one. There is no proof
		// then (RFC 5155 has none); the match tells a validator what is the matter.
		a.addProof(a.z.matchingNSEC3(wildcard))
	}
}

// proveNoData proves that there is no RRset of the wanted type at n, whose data
// come from source: n itself, or the wildcard that n is synthesized from.
func (a *answer) proveNoData(n, source name) {
	switch {
	case a.z.denial == withNSEC && n == source:
		// RFC 4035 §3.1.3.1; an empty non-terminal has no NSEC, but one covers it.
		a.addProof(a.z.matchingOrCoveringNSEC(n))
	case a.z.denial == withNSEC:
		// RFC 4035 §3.1.3.4.
		a.addProof(a.z.coveringNSEC(n))
		a.addProof(a.z.matchingOrCoveringNSEC(source))
	case a.z.denial == withNSEC3 && n == source:
		// RFC 5155 §7.2.3, §7.2.4, §7.2.7; what opt-out left without an NSEC3 is
		// shown to be in an opt-out span.
		if match := a.z.matchingNSEC3(n); match != nil {
			a.addProof(match)
		} else {
			a.proveClosestEncloser(n)
		}
	case a.z.denial == withNSEC3:
		// RFC 5155 §7.2.5; opt-out may have left a wildcard that is only an empty
		// non-terminal without an NSEC3.
		a.proveClosestEncloser(n)
		if match := a.z.matchingNSEC3(source); match != nil {
			a.addProof(match)
		} else {
			a.addProof(a.z.coveringNSEC3(source))
		}
	}
}

// proveExpansion proves that n itself doesn't exist, so that the wildcard
// rightly stood in for it (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6).
func (a *answer) proveExpansion(n name) {
	switch a.z.denial {
	case withNSEC:
		a.addProof(a.z.coveringNSEC(n))
	case withNSEC3:
		a.addProof(a.z.coveringNSEC3(n.nextCloser(a.z.closestEncloser(n))))
	}
}

// proveClosestEncloser is the closest encloser proof (RFC 5155 §7.2.1). With
// opt-out the closest encloser may have no NSEC3; then it is made for the
// closest *provable* encloser, which is returned.
func (a *answer) proveClosestEncloser(n name) (encloser name) {
	encloser = n.parent()
	for encloser != a.z.apex && a.z.matchingNSEC3(encloser) == nil {
		encloser = encloser.parent()
	}
	a.addProof(a.z.matchingNSEC3(encloser))
	a.addProof(a.z.coveringNSEC3(n.nextCloser(encloser)))
	return encloser
}

func (z *zone) matchingOrCoveringNSEC(n name) *rrset {
	if match := z.matchingNSEC(n); match != nil {
		return match
	}
	return z.coveringNSEC(n)
}

// addProof adds an NSEC or NSEC3 RRset to the authority section, once.
func (a *answer) addProof(set *rrset) {
	if !a.do || set == nil || a.proven[set] {
		return
	}
	a.proven[set] = true
	proof := []dns.RR{}
	for _, rr := range append(append(proof, set.records...), set.signatures...) {
		rr = dns.Copy(rr)
		rr.Header().Name = parseName(rr.Header().Name).String()
		proof = append(proof, rr)
	}
	a.proofs = append(a.proofs, proof)
}
