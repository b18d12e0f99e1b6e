package reference

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"encoding/base32"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// rrset holds the records of one owner, class and type, in the canonical order
// of their RDATA and without duplicates (RFC 4034 §6.3), and the signatures
// over them. The signatures' own RRset doesn't exist (RFC 4035 §2.2).
type rrset struct {
	records    []dns.RR
	signatures []dns.RR
}

// node holds the RRsets of one name. An empty non-terminal is a node with none
// (RFC 4592 §2.2.2).
type node map[uint16]*rrset

// zone is all that is known of a zone: its nodes by name, and its NSEC3
// records, whose owners are no names that could be asked for (RFC 5155 §7.2.8).
type zone struct {
	apex   name
	nodes  map[name]node
	nsec3  map[name]*rrset
	param  *dns.NSEC3PARAM // of the chain in use; nil in a zone without NSEC3
	denial denial
}

type denial int

const (
	unsigned denial = iota
	withNSEC
	withNSEC3
)

func newZone(origin string, records []dns.RR) *zone {
	z := &zone{apex: parseName(origin), nodes: map[name]node{}, nsec3: map[name]*rrset{}}
	for _, rr := range records {
		owner := parseName(rr.Header().Name)
		rtype, isSignature := rr.Header().Rrtype, false
		if signature, ok := rr.(*dns.RRSIG); ok {
			rtype, isSignature = signature.TypeCovered, true
		}
		set := z.place(owner, rtype)
		if isSignature {
			set.signatures = append(set.signatures, rr)
		} else {
			set.records = append(set.records, rr)
		}
	}
	for _, n := range z.nodes {
		for rtype, set := range n {
			if len(set.records) == 0 { // signatures over nothing
				delete(n, rtype)
				continue
			}
			set.records = canonicalOrder(set.records)
			set.lowestTTL()
		}
	}
	z.chooseDenial()
	return z
}

// place returns the RRset of an owner and type, made if it wasn't there yet,
// and with it the owner's node and those of all names between it and the apex.
func (z *zone) place(owner name, rtype uint16) *rrset {
	if rtype == dns.TypeNSEC3 {
		if z.nsec3[owner] == nil {
			z.nsec3[owner] = &rrset{}
		}
		return z.nsec3[owner]
	}
	for _, at := range owner.pathFrom(z.apex) {
		if z.nodes[at] == nil {
			z.nodes[at] = node{}
		}
	}
	if z.nodes[owner][rtype] == nil {
		z.nodes[owner][rtype] = &rrset{}
	}
	return z.nodes[owner][rtype]
}

// chooseDenial finds out how the zone proves that something doesn't exist.
func (z *zone) chooseDenial() {
	apex := z.nodes[z.apex]
	// RFC 5155 §4: an NSEC3PARAM at the apex says that its chain is complete.
	if set := apex[dns.TypeNSEC3PARAM]; set != nil && len(z.nsec3) > 0 {
		z.param = set.records[0].(*dns.NSEC3PARAM)
		z.denial = withNSEC3
	} else if apex[dns.TypeNSEC] != nil {
		z.denial = withNSEC
	}
}

// findCut returns the cut nearest to the apex at or above n, if n is at or
// below one (RFC 1034 §4.2.1). Only names at or below the apex are asked for.
func (z *zone) findCut(n name) (cut name, ok bool) {
	for _, at := range n.pathFrom(z.apex) {
		if at != z.apex && z.nodes[at][dns.TypeNS] != nil {
			return at, true
		}
	}
	return "", false
}

// closestEncloser is the longest existing ancestor of a name that doesn't
// exist (RFC 4592 §3.3.1).
func (z *zone) closestEncloser(n name) name {
	for z.nodes[n] == nil {
		n = n.parent()
	}
	return n
}

func (z *zone) soa() *dns.SOA {
	return z.nodes[z.apex][dns.TypeSOA].records[0].(*dns.SOA)
}

// matchingNSEC is the NSEC RRset whose owner is n, or nil.
func (z *zone) matchingNSEC(n name) *rrset { return z.nodes[n][dns.TypeNSEC] }

// coveringNSEC is the NSEC RRset whose owner is before n and whose next name is
// behind it in canonical order (RFC 4034 §4.1.1), or nil. The last NSEC's next
// name is the apex.
func (z *zone) coveringNSEC(n name) *rrset {
	for owner, node := range z.nodes {
		set := node[dns.TypeNSEC]
		if set == nil {
			continue
		}
		next := parseName(set.records[0].(*dns.NSEC).NextDomain)
		if owner.compare(n) < 0 && (next == z.apex || n.compare(next) < 0) {
			return set
		}
	}
	return nil
}

// hash is the hashed owner label of n (RFC 5155 §5).
func (z *zone) hash(n name) string {
	salt, _ := hex.DecodeString(z.param.Salt)
	digest := sha1.Sum(append([]byte(n), salt...))
	for range z.param.Iterations {
		digest = sha1.Sum(append(digest[:], salt...))
	}
	return base32.HexEncoding.EncodeToString(digest[:])
}

// chain calls visit with each NSEC3 of the chain in use, its hashes in upper
// case (RFC 5155 §7.2: only records with the parameters of NSEC3PARAM).
func (z *zone) chain(visit func(hash, next string, set *rrset)) {
	for owner, set := range z.nsec3 {
		rr := set.records[0].(*dns.NSEC3)
		if rr.Hash == z.param.Hash && rr.Iterations == z.param.Iterations && strings.EqualFold(rr.Salt, z.param.Salt) {
			visit(strings.ToUpper(owner.labels()[0]), strings.ToUpper(rr.NextDomain), set)
		}
	}
}

// matchingNSEC3 is the NSEC3 RRset whose owner is the hash of n, or nil.
func (z *zone) matchingNSEC3(n name) (found *rrset) {
	want := z.hash(n)
	z.chain(func(hash, _ string, set *rrset) {
		if hash == want {
			found = set
		}
	})
	return found
}

// coveringNSEC3 is the NSEC3 RRset with the hash of n between its owner and its
// next hash (RFC 5155 §1.3), or nil. The last one's next hash is the first.
func (z *zone) coveringNSEC3(n name) (found *rrset) {
	want := z.hash(n)
	z.chain(func(hash, next string, set *rrset) {
		behind, before := hash < want, want < next
		if behind && before || next <= hash && (behind || before) {
			found = set
		}
	})
	return found
}

// lowestTTL gives all records the lowest of their TTLs: an RRset has one, and a
// resolver would take the lowest too (RFC 2181 §5.2).
func (s *rrset) lowestTTL() {
	ttl := s.records[0].Header().Ttl
	for _, rr := range s.records {
		ttl = min(ttl, rr.Header().Ttl)
	}
	for i, rr := range s.records {
		s.records[i] = dns.Copy(rr)
		s.records[i].Header().Ttl = ttl
	}
}

// canonicalOrder sorts the records of an RRset by their RDATA and removes
// duplicates (RFC 4034 §6.3, RFC 2181 §5).
func canonicalOrder(records []dns.RR) []dns.RR {
	slices.SortStableFunc(records, func(a, b dns.RR) int {
		return bytes.Compare(canonicalRDATA(a), canonicalRDATA(b))
	})
	return slices.CompactFunc(records, func(a, b dns.RR) bool {
		return bytes.Equal(canonicalRDATA(a), canonicalRDATA(b))
	})
}

// canonicalRDATA is RDATA in wire format with the names of the types listed in
// RFC 4034 §6.2 (and RFC 6840 §5.1) in lower case.
func canonicalRDATA(rr dns.RR) []byte {
	rr = dns.Copy(rr)
	switch rr := rr.(type) {
	case *dns.NS:
		fold(&rr.Ns)
	case *dns.CNAME:
		fold(&rr.Target)
	case *dns.DNAME:
		fold(&rr.Target)
	case *dns.PTR:
		fold(&rr.Ptr)
	case *dns.MX:
		fold(&rr.Mx)
	case *dns.SRV:
		fold(&rr.Target)
	case *dns.KX:
		fold(&rr.Exchanger)
	case *dns.AFSDB:
		fold(&rr.Hostname)
	case *dns.RT:
		fold(&rr.Host)
	case *dns.NAPTR:
		fold(&rr.Replacement)
	case *dns.RP:
		fold(&rr.Mbox)
		fold(&rr.Txt)
	case *dns.MINFO:
		fold(&rr.Rmail)
		fold(&rr.Email)
	case *dns.PX:
		fold(&rr.Map822)
		fold(&rr.Mapx400)
	case *dns.SOA:
		fold(&rr.Ns)
		fold(&rr.Mbox)
	}
	rr.Header().Name = "."
	buf := make([]byte, dns.MaxMsgSize)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		panic("reference: " + rr.String() + ": " + err.Error())
	}
	return buf[11:n]
}

func fold(text *string) { *text = parseName(*text).String() }

// lowestType is the type that stands for all others in the answer to ANY (RFC
// 8482 §4.1), and whose signatures answer RRSIG: CNAME, else the one with the
// lowest number; 0 when the node has no data of its own.
func (n node) lowestType() uint16 {
	if n[dns.TypeCNAME] != nil {
		return dns.TypeCNAME
	}
	var types []uint16
	for rtype := range n {
		if rtype != dns.TypeNSEC {
			types = append(types, rtype)
		}
	}
	if len(types) == 0 {
		return 0
	}
	return slices.MinFunc(types, cmp.Compare[uint16])
}
