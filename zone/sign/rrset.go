package sign

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// signer is a key in use.
type signer struct {
	key  *Key
	tag  uint16
	hash crypto.Hash // 0: the algorithm hashes the message itself
}

// signers sorts the keys by what they sign; see Options.Keys.
func signers(opts Options) (keySigners, zoneSigners []signer) {
	both := make(map[uint8][2]bool) // by algorithm: is there a ZSK, a KSK?
	for _, key := range opts.Keys {
		roles := both[key.RR.Algorithm]
		if key.IsKSK() {
			roles[1] = true
		} else {
			roles[0] = true
		}
		both[key.RR.Algorithm] = roles
	}
	for _, key := range opts.Keys {
		s := signer{key: key, tag: key.RR.KeyTag(), hash: algorithms[key.RR.Algorithm].hash}
		split := both[key.RR.Algorithm] == [2]bool{true, true}
		if !split || key.IsKSK() {
			keySigners = append(keySigners, s)
		}
		if !split || !key.IsKSK() {
			zoneSigners = append(zoneSigners, s)
		}
	}
	return keySigners, zoneSigners
}

// signersOf returns who signs RRsets of this type. CDS and CDNSKEY go with the
// keys that the parent knows (RFC 7344 §4.1).
func (p *plan) signersOf(rrtype uint16) []signer {
	switch rrtype {
	case dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY:
		return p.keySigners
	}
	return p.zoneSigners
}

// worker signs. It belongs to one goroutine and keeps its buffers.
type worker struct {
	plan    *plan
	packed  []byte   // one record in wire format
	data    []byte   // the RDATA of an RRset, end to end
	members []member // its records
	message []byte   // what is signed
}

type member struct {
	rr       dns.RR
	from, to int // of its canonical RDATA in worker.data
}

// rrset appends the RRset to dst, in canonical order and without duplicates
// (RFC 4034 §6.3), and its signatures if it gets any.
func (w *worker) rrset(dst []dns.RR, rrs []entry, signed bool) ([]dns.RR, error) {
	if len(rrs) == 1 && !signed {
		return append(dst, rrs[0].rr), nil
	}
	w.members, w.data = w.members[:0], w.data[:0]
	for _, e := range rrs {
		from := len(w.data)
		if err := w.appendRDATA(e.rr); err != nil {
			h := e.rr.Header()
			return dst, fmt.Errorf("%s record of %s: %w", dns.Type(h.Rrtype), h.Name, err)
		}
		w.members = append(w.members, member{e.rr, from, len(w.data)})
	}
	slices.SortStableFunc(w.members, func(a, b member) int {
		return bytes.Compare(w.data[a.from:a.to], w.data[b.from:b.to])
	})
	w.members = slices.CompactFunc(w.members, func(a, b member) bool {
		return bytes.Equal(w.data[a.from:a.to], w.data[b.from:b.to])
	})
	for _, m := range w.members {
		dst = append(dst, m.rr)
	}
	if !signed {
		return dst, nil
	}
	for _, s := range w.plan.signersOf(rrs[0].rr.Header().Rrtype) {
		sig, err := w.sign(s)
		if err != nil {
			h := rrs[0].rr.Header()
			return dst, fmt.Errorf("sign %s of %s: %w", dns.Type(h.Rrtype), h.Name, err)
		}
		dst = append(dst, sig)
	}
	return dst, nil
}

// sign signs w.members, an RRset (RFC 4034 §3.1.8.1).
func (w *worker) sign(s signer) (*dns.RRSIG, error) {
	h := w.members[0].rr.Header()
	var ownerBuf [dname.MaxWire]byte
	n, err := dns.PackDomainName(h.Name, ownerBuf[:], 0, nil, false)
	if err != nil {
		return nil, err
	}
	owner := ownerBuf[:n]
	dname.Lower(owner)
	labels := dname.Labels(owner)
	if dname.IsWildcard(owner) {
		labels-- // RFC 4034 §3.1.3
	}
	sig := &dns.RRSIG{
		Hdr:         dns.RR_Header{Name: h.Name, Rrtype: dns.TypeRRSIG, Class: h.Class, Ttl: h.Ttl},
		TypeCovered: h.Rrtype,
		Algorithm:   s.key.RR.Algorithm,
		Labels:      uint8(labels),
		OrigTtl:     h.Ttl,
		Expiration:  uint32(w.plan.opts.Expiration.Unix()),
		Inception:   uint32(w.plan.opts.Inception.Unix()),
		KeyTag:      s.tag,
		SignerName:  w.plan.originText,
	}
	m := binary.BigEndian.AppendUint16(w.message[:0], sig.TypeCovered)
	m = append(m, sig.Algorithm, sig.Labels)
	m = binary.BigEndian.AppendUint32(m, sig.OrigTtl)
	m = binary.BigEndian.AppendUint32(m, sig.Expiration)
	m = binary.BigEndian.AppendUint32(m, sig.Inception)
	m = binary.BigEndian.AppendUint16(m, sig.KeyTag)
	m = append(m, w.plan.origin...)
	for _, member := range w.members {
		m = append(m, owner...)
		m = binary.BigEndian.AppendUint16(m, h.Rrtype)
		m = binary.BigEndian.AppendUint16(m, h.Class)
		m = binary.BigEndian.AppendUint32(m, h.Ttl)
		m = binary.BigEndian.AppendUint16(m, uint16(member.to-member.from))
		m = append(m, w.data[member.from:member.to]...)
	}
	w.message = m
	signature, err := s.sign(m)
	if err != nil {
		return nil, err
	}
	sig.Signature = base64.StdEncoding.EncodeToString(signature)
	return sig, nil
}

func (s signer) sign(message []byte) ([]byte, error) {
	if s.hash != 0 {
		digest := s.hash.New()
		digest.Write(message)
		message = digest.Sum(nil)
	}
	signature, err := s.key.Private.Sign(rand.Reader, message, s.hash)
	if err != nil {
		return nil, err
	}
	switch s.key.RR.Algorithm {
	case dns.ECDSAP256SHA256, dns.ECDSAP384SHA384:
		return ecdsaSignature(signature, algorithms[s.key.RR.Algorithm].bits/8)
	}
	return signature, nil
}

// ecdsaSignature turns the ASN.1 form that crypto.Signer gives into two numbers
// of size bytes each (RFC 6605 §4).
func ecdsaSignature(der []byte, size int) ([]byte, error) {
	var pair struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &pair); err != nil || len(rest) != 0 {
		return nil, errors.New("the signer's ECDSA signature is not ASN.1")
	}
	if pair.R.Sign() < 0 || pair.S.Sign() < 0 || pair.R.BitLen() > 8*size || pair.S.BitLen() > 8*size {
		return nil, errors.New("the signer's ECDSA signature is of another curve")
	}
	out := make([]byte, 2*size)
	pair.R.FillBytes(out[:size])
	pair.S.FillBytes(out[size:])
	return out, nil
}

const (
	fixedBytes = 10 // type, class, TTL and length of the RDATA
	maxPacked  = dname.MaxWire + fixedBytes + math.MaxUint16
)

// appendRDATA appends the canonical RDATA of rr (RFC 4034 §6.2) to w.data.
func (w *worker) appendRDATA(rr dns.RR) error {
	if w.packed == nil {
		w.packed = make([]byte, maxPacked)
	}
	end, err := dns.PackRR(rr, w.packed, 0, nil, false)
	if err != nil {
		return err
	}
	nameLen, ok := dname.Check(w.packed[:end])
	if !ok {
		return errors.New("bad owner name")
	}
	from := len(w.data)
	w.data = append(w.data, w.packed[nameLen+fixedBytes:end]...)
	lowerNames(rr.Header().Rrtype, w.data[from:])
	return nil
}

// namesIn lists the types whose names in RDATA are lower case in the canonical
// form (RFC 4034 §6.2 as amended by RFC 6840 §5.1), with the number of
// bytes before the first name and the number of names. The obsolete A6 is left
// as it is.
var namesIn = map[uint16]struct{ skip, names int }{
	dns.TypeNS: {0, 1}, dns.TypeMD: {0, 1}, dns.TypeMF: {0, 1}, dns.TypeCNAME: {0, 1},
	dns.TypeSOA: {0, 2}, dns.TypeMB: {0, 1}, dns.TypeMG: {0, 1}, dns.TypeMR: {0, 1},
	dns.TypePTR: {0, 1}, dns.TypeMINFO: {0, 2}, dns.TypeMX: {2, 1}, dns.TypeRP: {0, 2},
	dns.TypeAFSDB: {2, 1}, dns.TypeRT: {2, 1}, dns.TypeSIG: {18, 1}, dns.TypePX: {2, 2},
	dns.TypeNXT: {0, 1}, dns.TypeKX: {2, 1}, dns.TypeSRV: {6, 1}, dns.TypeDNAME: {0, 1},
	dns.TypeNAPTR: {4, 1}, // and three strings, see below
}

func lowerNames(rrtype uint16, rdata []byte) {
	layout, ok := namesIn[rrtype]
	if !ok || len(rdata) < layout.skip {
		return
	}
	rest := rdata[layout.skip:]
	if rrtype == dns.TypeNAPTR {
		for range 3 { // flags, services, regular expression (RFC 3403 §4.1)
			if len(rest) == 0 || len(rest) < 1+int(rest[0]) {
				return
			}
			rest = rest[1+int(rest[0]):]
		}
	}
	for range layout.names {
		n, ok := dname.Check(rest)
		if !ok {
			return
		}
		dname.Lower(rest[:n])
		rest = rest[n:]
	}
}
