package zone

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/radix"
)

// Verify tells whether the memory of a zone that was restored from a snapshot
// holds what layout.go says, so that no lookup, iteration or edit can leave it or
// go round in circles. It looks at every record. Later versions may be made
// meanwhile. ctx ends it early.
func (z *Zone) Verify(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged: %v", p)
		}
	}()
	v := verifier{zone: z, shared: map[arena.Offset]bool{}}
	steps := 0
	each := func(tree radix.Tree, named bool, entry func(radix.Entry) error) error {
		return tree.Verify(func(key []byte, e radix.Entry) error {
			if steps++; steps%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if named && !v.setOwner(key) {
				return fmt.Errorf("the key %q is of no name", key)
			}
			if err := entry(e); err != nil {
				return fmt.Errorf("at key %q: %w", key, err)
			}
			return nil
		})
	}
	if err := each(z.names, true, func(e radix.Entry) error { return v.name(arena.Offset(e.Value), e.Stop) }); err != nil {
		return fmt.Errorf("names: %w", err)
	}
	if err := each(z.occluded, true, func(e radix.Entry) error { return v.occluded(arena.Offset(e.Value)) }); err != nil {
		return fmt.Errorf("occluded names: %w", err)
	}
	if err := z.nsec3.Verify(func(key []byte, e radix.Entry) error {
		if len(key) != hashBytes {
			return fmt.Errorf("the key %x is no hash", key)
		}
		v.owner = append(base32Hex.AppendEncode(append(v.owner[:0], hashBytes*8/5), key), z.origin...)
		return v.rrset(arena.Offset(e.Value), TypeNSEC3)
	}); err != nil {
		return fmt.Errorf("NSEC3: %w", err)
	}
	if err := each(z.siblings, true, func(radix.Entry) error { return nil }); err != nil {
		return fmt.Errorf("siblings: %w", err)
	}
	for _, off := range z.pool.offsets() {
		if uint64(off) >= z.data.End() {
			continue // a later version has put it there meanwhile: restore has looked at the others
		}
		if err := v.pooled(off); err != nil {
			return fmt.Errorf("pool: %w", err)
		}
	}
	return nil
}

// verifier looks at what entries of the trees lead to.
type verifier struct {
	zone   *Zone
	owner  []byte                // of what is looked at, wire format
	shared map[arena.Offset]bool // referrals that are good whatever the owner

	decoder decoder
	records []rr
}

// setOwner makes the name of key the owner; false if there is none.
func (v *verifier) setOwner(key []byte) bool {
	if len(key) > 0 && key[len(key)-1] != 0 {
		return false
	}
	for i := 0; i < len(key); i++ {
		if key[i] == 1 { // an escape
			if i++; key[i] != 1 && key[i] != 2 {
				return false
			}
		}
	}
	v.owner = dname.AppendFromKey(v.owner[:0], key, v.zone.origin)
	n, ok := dname.Check(v.owner)
	if !ok || n != len(v.owner) {
		return false
	}
	var buf [dname.MaxKey]byte
	return string(dname.AppendKey(buf[:0], v.owner, len(v.zone.origin))) == string(key)
}

// name verifies what an entry of the authoritative names leads to.
func (v *verifier) name(off arena.Offset, stop bool) error {
	node, err := v.node(off)
	if err != nil {
		return err
	}
	if !node.IsCut() {
		if _, redirect := node.find(TypeDNAME); redirect != stop {
			return errors.New("a name that stops lookups is neither a cut nor has it a DNAME")
		}
		return v.sets(node)
	}
	if !stop || len(v.owner) == len(v.zone.origin) {
		return errors.New("a cut does not stop lookups")
	}
	if err := v.sets(node); err != nil {
		return err
	}
	return v.referral(node.referral(off))
}

func (v *verifier) occluded(off arena.Offset) error {
	node, err := v.node(off)
	switch {
	case err != nil:
		return err
	case node.IsCut():
		return errors.New("there is a cut below a cut")
	}
	return v.sets(node)
}

// node verifies that there is a node at off, with its list.
func (v *verifier) node(off arena.Offset) (Node, error) {
	data := v.zone.data
	if !data.Holds(off, 4) {
		return Node{}, fmt.Errorf("a node is said to be at %d", off)
	}
	node := Node{data.At(off)}
	head := 4
	switch node.b[0] {
	case kindReferral:
		return node, nil
	case kindCut:
		head = 8
	case kindNode:
	default:
		return Node{}, fmt.Errorf("a node of kind %d", node.b[0])
	}
	if !data.Holds(off, head+entrySize*le16(node.b[2:])) {
		return Node{}, errors.New("a node's list is too long")
	}
	return node, nil
}

// sets verifies the RRsets of a node.
func (v *verifier) sets(node Node) error {
	last := -1
	for e := node.entries(); len(e) > 0; e = e[entrySize:] {
		rrtype := int(binary.LittleEndian.Uint16(e))
		if rrtype <= last || rrtype == int(TypeRRSIG) {
			return errors.New("a node's list is not in order")
		}
		last = rrtype
		if err := v.rrset(arena.Offset(binary.LittleEndian.Uint32(e[4:])), uint16(rrtype)); err != nil {
			return err
		}
	}
	return nil
}

// rrset verifies the RRset of rrtype at off.
func (v *verifier) rrset(off arena.Offset, rrtype uint16) error {
	data := v.zone.data
	if !data.Holds(off, rrsetHeader) {
		return fmt.Errorf("an RRset is said to be at %d", off)
	}
	set := RRset{data.At(off)}
	if !data.Holds(off, int(set.size())) {
		return fmt.Errorf("an RRset at %d is too long", off)
	}
	records, signatures := set.Records(), set.Signatures()
	if set.Type() != rrtype || records.Records == 0 || len(records.Bytes)+len(signatures.Bytes) > maxRRsetBytes {
		return fmt.Errorf("an RRset at %d is not of type %s", off, typeName(rrtype))
	}
	if err := v.part(records, rrtype); err != nil {
		return fmt.Errorf("%s: %w", typeName(rrtype), err)
	}
	if err := v.part(signatures, TypeRRSIG); err != nil {
		return fmt.Errorf("RRSIG over %s: %w", typeName(rrtype), err)
	}
	for targets := set.Targets(); len(targets) > 0; targets = targets[2:] {
		if at := le16(targets); at < recordFixed || !v.nameAt(records, at, len(records.Bytes)) {
			return fmt.Errorf("%s: there is no target at %d", typeName(rrtype), at)
		}
	}
	return nil
}

var (
	errRecord  = errors.New("a record is damaged")
	errPointer = errors.New("a compression pointer is damaged")
)

// part verifies records of rrtype with the fixups in them.
func (v *verifier) part(p Part, rrtype uint16) error {
	for f, last := p.Fixups, -1; len(f) > 0; f = f[2:] {
		at := le16(f)
		if at < last+2 && last >= 0 || at+2 > len(p.Bytes) {
			return errPointer
		}
		last = at
	}
	fixups, count := p.Fixups, 0
	for at := 0; at < len(p.Bytes); count++ {
		end, ok := v.recordAt(p.Bytes, at, rrtype)
		if !ok || len(fixups) == 0 || le16(fixups) != at || Pointer(binary.BigEndian.Uint16(p.Bytes[at:])) != ToOwner {
			return errRecord
		}
		for fixups = fixups[2:]; len(fixups) > 0 && le16(fixups) < end; fixups = fixups[2:] {
			if i := le16(fixups); i < at+recordFixed || i+2 > end || !v.nameAt(p, i, i) {
				return errPointer
			}
		}
		at = end
	}
	if count != p.Records || len(fixups) > 0 {
		return errRecord
	}
	v.decoder.buf = v.decoder.buf[:0]
	v.records = v.decoder.part(v.records[:0], v.owner, p)
	for _, r := range v.records {
		if !wellFormed(rrtype, r.rdata) {
			return fmt.Errorf("RDATA is not that of %s", typeName(rrtype))
		}
	}
	return nil
}

// recordAt returns the end of the record of rrtype at a position.
func (v *verifier) recordAt(b []byte, at int, rrtype uint16) (end int, ok bool) {
	if len(b)-at < recordFixed {
		return 0, false
	}
	end = at + recordFixed + int(binary.BigEndian.Uint16(b[at+recordFixed-2:]))
	return end, end <= len(b) && binary.BigEndian.Uint16(b[at+2:]) == rrtype
}

// nameAt tells whether there is a name at a position, all of whose labels but
// those that are there lie before limit. Its pointers lead backwards: so it ends.
func (v *verifier) nameAt(p Part, at, limit int) bool {
	length := 1
	for {
		if p.IsPointer(at) {
			q := Pointer(binary.BigEndian.Uint16(p.Bytes[at:]))
			switch q.Base() {
			case ToOwner:
				return q.N() == 0 && length-1+len(v.owner) <= dname.MaxWire
			case ToSuffix:
				return length-1+q.N() <= dname.MaxWire && isSuffix(v.owner, q.N())
			case ToFragment:
			default:
				return false
			}
			if q.N() >= limit || q.N() >= at {
				return false
			}
			at = q.N()
			limit = at + 1
			continue
		}
		if at >= len(p.Bytes) {
			return false
		}
		n := int(p.Bytes[at])
		if n == 0 {
			return true
		}
		if length += 1 + n; n > dname.MaxLabel || length > dname.MaxWire {
			return false
		}
		at += 1 + n
	}
}

// isSuffix tells whether the last n bytes of name are a name.
func isSuffix(name []byte, n int) bool {
	for len(name) > n && name[0] != 0 {
		name = dname.Parent(name)
	}
	return n > 0 && len(name) == n
}

// referral verifies the referral at off, for the owner.
func (v *verifier) referral(off arena.Offset) error {
	if v.shared[off] {
		return nil
	}
	r, err := v.referralAt(off)
	if err != nil {
		return err
	}
	ns := r.NS()
	if ns.Records == 0 || len(ns.Bytes) > maxPointer {
		return errors.New("a referral has no name servers")
	}
	if err := v.part(ns, TypeNS); err != nil {
		return fmt.Errorf("referral: %w", err)
	}
	independent := ns.independent(len(v.zone.origin))
	for _, part := range []Part{r.Required(), r.Optional(), r.Signatures()} {
		dependent, err := v.glue(ns, part)
		if err != nil {
			return fmt.Errorf("referral: %w", err)
		}
		independent = independent && !dependent
	}
	if independent {
		v.shared[off] = true
	}
	return nil
}

// referralAt verifies that the referral at off is in memory.
func (v *verifier) referralAt(off arena.Offset) (Referral, error) {
	data := v.zone.data
	if !data.Holds(off, referralHeader) {
		return Referral{}, fmt.Errorf("a referral is said to be at %d", off)
	}
	r := Referral{data.At(off)}
	if r.b[0] != kindReferral || !data.Holds(off, r.length()) {
		return Referral{}, fmt.Errorf("there is no referral at %d", off)
	}
	return r, nil
}

// glue verifies addresses, or the signatures over them, whose owners are among
// the names of ns, and tells whether they depend on the owner's name.
func (v *verifier) glue(ns, p Part) (dependent bool, err error) {
	count := 0
	for at := 0; at < len(p.Bytes); count++ {
		if len(p.Bytes)-at < recordFixed {
			return false, errRecord
		}
		rrtype := binary.BigEndian.Uint16(p.Bytes[at+2:])
		if !isAddress(rrtype) && rrtype != TypeRRSIG {
			return false, errRecord
		}
		end, ok := v.recordAt(p.Bytes, at, rrtype)
		if !ok || !wellFormed(rrtype, p.Bytes[at+recordFixed:end]) {
			return false, errRecord
		}
		switch q := Pointer(binary.BigEndian.Uint16(p.Bytes[at:])); {
		case q == ToOwner:
			dependent = true
		case q.Base() == ToSuffix && isSuffix(v.owner, q.N()):
			dependent = dependent || q.N() > len(v.zone.origin)
		case q.Base() == ToFragment && q.N() < len(ns.Bytes) && v.nameAt(ns, q.N(), q.N()+1):
		default:
			return false, errPointer
		}
		at = end
	}
	if count != p.Records {
		return false, errRecord
	}
	return dependent, nil
}

// pooled verifies a referral that new delegations may come to share.
func (v *verifier) pooled(off arena.Offset) error {
	_, err := v.referralAt(off)
	return err
}
