package zone

import (
	"bytes"
	"encoding/binary"
)

// pieces are the runs of a segment, from all strands, in canonical order of their
// owners, and for one owner in the order of the files.
type pieces struct {
	refs []ref
	keys []byte

	spare []ref
	ends  []int // of the stretches that are sorted
	skip  int   // how many bytes all keys have in common
}

// ref is a run in a strand.
type ref struct {
	prefix   uint64 // eight bytes of the key behind what all have in common: they decide most comparisons
	key      uint32 // where it begins in keys
	run      uint32 // where the rest of the run begins in the strand
	strand   uint32
	hosting  uint32 // if the run is one
	keyBytes uint16
	traits   byte
}

// keyPrefix returns the first eight bytes of key as a number that orders as they do.
func keyPrefix(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var prefix [8]byte
	copy(prefix[:], key)
	return binary.BigEndian.Uint64(prefix[:])
}

func (p *pieces) key(r *ref) []byte {
	return p.keys[r.key : r.key+uint32(r.keyBytes) : r.key+uint32(r.keyBytes)]
}

// gather replaces the pieces by those of s.
func (p *pieces) gather(strands []*strand, s *segment) {
	if p.keys == nil {
		p.keys = make([]byte, 0, 1<<10)
	}
	p.refs, p.keys, p.ends, p.skip = p.refs[:0], p.keys[:0], p.ends[:0], 0
	if s.to != nil {
		p.skip = sharedPrefix(s.from, s.to)
	}
	for i, t := range strands {
		if bytes.Compare(t.last, s.from) < 0 || s.to != nil && bytes.Compare(t.first, s.to) >= 0 {
			continue
		}
		before := len(p.refs)
		p.take(t, uint32(i), s)
		if len(p.refs) > before {
			p.ends = append(p.ends, len(p.refs))
		}
	}
	p.merge()
}

// take adds those of the strand t.
func (p *pieces) take(t *strand, number uint32, s *segment) {
	off := t.seek(s.from)
	// Up to the last mark below the end there is nothing to compare with it.
	sure := len(t.data)
	if s.to != nil {
		sure = t.seek(s.to)
	}
	for before, inside := len(p.keys), false; off < len(t.data); {
		at := len(p.keys)
		check := off >= sure
		p.keys, off = t.appendKey(p.keys, before, off)
		before = at
		key := p.keys[at:]
		if check && s.to != nil && bytes.Compare(key, s.to) >= 0 {
			return
		}
		start := off
		var r run
		r, off = t.run(off)
		if inside = inside || bytes.Compare(key, s.from) >= 0; inside {
			new := ref{
				prefix: keyPrefix(key[min(p.skip, len(key)):]), key: uint32(at), run: uint32(start), strand: number,
				keyBytes: uint16(len(key)), traits: r.traits,
			}
			if r.traits&traitHosted != 0 {
				new.hosting = uint32(r.hosting())
			}
			p.refs = append(p.refs, new)
		}
	}
}

// less tells whether the key of y is below that of x.
func (p *pieces) less(y, x *ref) bool {
	if y.prefix != x.prefix {
		return y.prefix < x.prefix
	}
	return bytes.Compare(p.key(y), p.key(x)) < 0
}

// merge sorts the stretches into one.
func (p *pieces) merge() {
	for len(p.ends) > 1 {
		if cap(p.spare) < len(p.refs) {
			p.spare = make([]ref, 0, cap(p.refs))
		}
		out, ends := p.spare[:0], p.ends[:0]
		start := 0
		for i := 0; i < len(p.ends); i += 2 {
			middle := p.ends[i]
			if i+1 == len(p.ends) {
				out = append(out, p.refs[start:middle]...)
			} else {
				end := p.ends[i+1]
				out = p.mergeTwo(out, p.refs[start:middle], p.refs[middle:end])
				start = end
			}
			ends = append(ends, len(out))
		}
		p.refs, p.spare, p.ends = out, p.refs, ends
	}
}

func (p *pieces) mergeTwo(out, a, b []ref) []ref {
	if !p.less(&b[0], &a[len(a)-1]) {
		return append(append(out, a...), b...)
	}
	for len(a) > 0 && len(b) > 0 {
		if p.less(&b[0], &a[0]) {
			out = append(out, b[0])
			b = b[1:]
		} else {
			out = append(out, a[0])
			a = a[1:]
		}
	}
	return append(append(out, a...), b...)
}

// groupEnd returns where the runs of the owner of refs[i] end.
func (p *pieces) groupEnd(i int) int {
	first := &p.refs[i]
	j := i + 1
	for j < len(p.refs) && p.refs[j].prefix == first.prefix && bytes.Equal(p.key(&p.refs[j]), p.key(first)) {
		j++
	}
	return j
}
