package zone

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/radix"
)

// SnapshotLayout numbers the ways in which zones have lain in memory (layout.go,
// radix/node.go). Whoever changes one of them, or what makes equal records come
// to other bytes, raises it: a snapshot of another layout is not read.
const SnapshotLayout = 1

// Snapshot is a zone as bytes, to be kept outside the process.
type Snapshot struct {
	Origin []byte // wire format, lower case
	Serial uint32
	Facts  []byte // what is not in the arenas

	// Data and Trees are the memory of the zone's arenas. What other versions of the
	// zone have left there is among it. It must not be written to, and stays as
	// it is while other versions come and go.
	Data, Trees [][]byte
}

// Bytes is how long Data and Trees are together.
func (s *Snapshot) Bytes() (n int64) {
	for _, chunks := range [][][]byte{s.Data, s.Trees} {
		for _, chunk := range chunks {
			n += int64(len(chunk))
		}
	}
	return n
}

// Snapshot returns the zone as bytes, without copying them. No edit of a version
// of this zone may be under way meanwhile: it writes to the same arenas.
func (z *Zone) Snapshot() Snapshot {
	data, trees := z.store.Dump(), z.trees.Dump()
	f := snapshotFacts{
		DataBytes: data.Bytes, TreeBytes: trees.Bytes, Live: z.live,
		OptOuts: int64(z.optOuts), Wildcards: int64(z.wildcards), Serial: z.serial, Iterations: z.iterations,
		Records: int64(z.stats.Records), RRsets: int64(z.stats.RRsets), Names: int64(z.stats.Names),
		Cuts: int64(z.stats.Cuts), Glue: int64(z.stats.Glue), OptOut: z.stats.OptOut,
		SaltBytes: uint8(len(z.salt)),
	}
	for i, tree := range z.allTrees() {
		f.Roots[i] = tree.Raw()
	}
	facts, err := binary.Append(nil, binary.LittleEndian, &f)
	if err != nil {
		panic(err) // the type has a field without a fixed size
	}
	facts = append(facts, z.salt...)
	for _, off := range z.pool.offsets() {
		facts = binary.LittleEndian.AppendUint32(facts, uint32(off))
	}
	return Snapshot{Origin: z.origin, Serial: z.serial, Facts: facts, Data: data.Chunks, Trees: trees.Chunks}
}

// snapshotFacts are the beginning of Facts. The salt follows, then the offsets
// of the referrals in the pool, four bytes each; all is little-endian.
type snapshotFacts struct {
	Roots                              [4]radix.Raw // in the order of allTrees
	DataBytes, TreeBytes, Live         int64
	Records, RRsets, Names, Cuts, Glue int64
	OptOuts, Wildcards                 int64
	Serial                             uint32
	Iterations                         uint16
	OptOut                             bool
	SaltBytes                          uint8
}

func (z *Zone) allTrees() [4]radix.Tree {
	return [4]radix.Tree{z.names, z.occluded, z.nsec3, z.siblings}
}

// Restore returns the zone that a snapshot was made of, in the memory of the
// snapshot, which belongs to it from then on. An error says that the snapshot is
// of no zone. Of what the memory holds only the apex is looked at, so that this
// takes no longer for a large zone: the memory is trusted to be what
// [Zone.Snapshot] returned.
func Restore(s Snapshot) (*Zone, error) {
	z, err := restore(s)
	if err != nil {
		return nil, err
	}
	if err := z.sealRestored(); err != nil {
		return nil, err
	}
	return z, nil
}

// RestoreVerified is [Restore] for memory that somebody may have tampered with:
// all of it is looked at first, as [Zone.Verify] does.
func RestoreVerified(ctx context.Context, s Snapshot) (*Zone, error) {
	z, err := restore(s)
	if err != nil {
		return nil, err
	}
	if err := z.Verify(ctx); err != nil {
		return nil, err
	}
	if err := z.sealRestored(); err != nil {
		return nil, err
	}
	return z, nil
}

// restore returns the zone without what seal computes.
func restore(s Snapshot) (*Zone, error) {
	var f snapshotFacts
	n, err := binary.Decode(s.Facts, binary.LittleEndian, &f)
	if err != nil {
		return nil, fmt.Errorf("facts of %d bytes: %w", len(s.Facts), err)
	}
	rest := s.Facts[n:]
	if len(rest) < int(f.SaltBytes) || (len(rest)-int(f.SaltBytes))%4 != 0 {
		return nil, fmt.Errorf("facts of %d bytes", len(s.Facts))
	}
	if !isName(s.Origin) {
		return nil, errors.New("the origin is no name")
	}
	if f.Serial != s.Serial {
		return nil, fmt.Errorf("serial %d inside, %d outside", f.Serial, s.Serial)
	}
	z := &Zone{
		origin: bytes.Clone(s.Origin), live: f.Live, serial: f.Serial, optOuts: int(f.OptOuts), wildcards: int(f.Wildcards),
		iterations: f.Iterations, salt: bytes.Clone(rest[:f.SaltBytes]),
		stats: Stats{
			Records: int(f.Records), RRsets: int(f.RRsets), Names: int(f.Names), Cuts: int(f.Cuts), Glue: int(f.Glue), OptOut: f.OptOut,
		},
	}
	if z.store, err = arena.Restore(arena.Dump{Chunks: s.Data, Bytes: f.DataBytes}); err != nil {
		return nil, err
	}
	if z.trees, err = arena.Restore(arena.Dump{Chunks: s.Trees, Bytes: f.TreeBytes}); err != nil {
		return nil, err
	}
	z.data = z.store.View()
	for i, tree := range []*radix.Tree{&z.names, &z.occluded, &z.nsec3, &z.siblings} {
		if *tree, err = radix.FromRaw(z.trees, f.Roots[i]); err != nil {
			return nil, err
		}
	}
	z.pool = newPool()
	for rest = rest[f.SaltBytes:]; len(rest) > 0; rest = rest[4:] {
		off := arena.Offset(binary.LittleEndian.Uint32(rest))
		if !z.data.Holds(off, referralHeader) {
			return nil, fmt.Errorf("a shared referral is said to be at %d", off)
		}
		z.pool.waiting = append(z.pool.waiting, off)
	}
	return z, nil
}

// sealRestored is seal for an apex that somebody may have tampered with.
func (z *Zone) sealRestored() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the apex is damaged: %v", p)
		}
	}()
	v := verifier{zone: z, owner: z.origin}
	apex, ok := z.names.Locate(nil)
	if !ok {
		return errors.New("there is no apex")
	}
	if err := v.name(arena.Offset(apex.Value), apex.Stop); err != nil {
		return fmt.Errorf("the apex is damaged: %w", err)
	}
	soa, ok := z.RRset(z.node(arena.Offset(apex.Value)), TypeSOA)
	if !ok || soa.Records().Records != 1 {
		return errors.New("the apex has no SOA record")
	}
	z.seal()
	return nil
}

// isName tells whether b is a name in wire format and lower case.
func isName(b []byte) bool {
	for at := 0; at < len(b) && len(b) <= dname.MaxWire; {
		n := int(b[at])
		if n == 0 {
			return at == len(b)-1 && string(dname.AppendLower(nil, b)) == string(b)
		}
		if n > 63 {
			return false
		}
		at += 1 + n
	}
	return false
}
