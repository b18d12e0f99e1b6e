package radix

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// A twig holds up to twigMax entries in sorted order. What an entry's key has
// beyond the twig's own is its suffix: never empty, for no key is the prefix of
// another (invariant 8).
//
//	heads    for each entry the first four bytes of its suffix, as a number that
//	         orders like them; a shorter suffix is filled up with zeros
//	ends     0, then for each entry where its rest ends, all rests laid end to end
//	marks    for each entry four bits: 2 its Stop flag, 1-0 how many bytes of
//	         its head are its suffix's, less one
//	records  for each entry its value (4 bytes), and its rest: what the suffix has
//	         beyond four bytes
//
// Record i so begins at 4*i + ends[i]. A search compares all heads with the
// key's, without a branch, and looks at the records of those that are equal;
// one in nearly all cases. So most of a search costs no more than the fetching
// of two or three neighbouring cache lines, where a tree of two-way nodes waits
// for one after another.
//
// Filling up with zeros keeps the order: of two suffixes neither is a prefix of
// the other, so they differ at a byte that both have.
type twig struct {
	n       []byte // the node
	count   int
	heads   int // where each part begins in n
	ends    int
	marks   int
	records int
}

const (
	twigMax  = 24  // entries
	twigRest = 255 // bytes of rests: what an end can say

	headBytes = 4
	markStop  = 4
	markBytes = 3
)

// twigAt returns the twig of count entries in node n whose parts begin at at.
func twigAt(n []byte, at, count int) twig {
	t := twig{n: n, count: count, heads: at}
	t.ends = t.heads + headBytes*count
	t.marks = t.ends + 1 + count
	t.records = t.marks + (count+1)/2
	return t
}

// end returns where the node ends.
func (t *twig) end() int {
	return t.records + 4*t.count + int(t.n[t.ends+t.count])
}

func (t *twig) head(i int) uint32 { return binary.LittleEndian.Uint32(t.n[t.heads+headBytes*i:]) }
func (t *twig) mark(i int) byte   { return t.n[t.marks+i/2] >> (i % 2 * 4) }

// record returns where the value of entry i is, and where its rest ends.
func (t *twig) record(i int) (value, end int) {
	ends := t.n[t.ends+i:]
	base := t.records + 4*i
	return base + int(ends[0]), base + 4 + int(ends[1])
}

func (t *twig) entry(i int) Entry {
	value, _ := t.record(i)
	return Entry{binary.LittleEndian.Uint32(t.n[value:]), t.mark(i)&markStop != 0}
}

// appendSuffix appends the suffix of entry i to dst.
func (t *twig) appendSuffix(dst []byte, i int) []byte {
	var head [headBytes]byte
	binary.BigEndian.PutUint32(head[:], t.head(i))
	dst = append(dst, head[:1+t.mark(i)&markBytes]...)
	value, end := t.record(i)
	return append(dst, t.n[value+4:end]...)
}

// search returns the entries whose heads are equal to head: from equal up to above.
func (t *twig) search(head uint32) (equal, above int) {
	equal = lowerHeads(t.n[t.heads:t.ends], head)
	above = equal
	for above < t.count && t.head(above) == head {
		above++
	}
	return equal, above
}

// lowerHeads returns how many of the heads are below head. It looks at all, two
// at a time: a wrongly guessed branch would cost more than the rest of them.
func lowerHeads(heads []byte, head uint32) int {
	var even, odd uint64
	for ; len(heads) >= 2*headBytes; heads = heads[2*headBytes:] {
		two := binary.LittleEndian.Uint64(heads)
		even += (two&math.MaxUint32 - uint64(head)) >> 63
		odd += (two>>32 - uint64(head)) >> 63
	}
	if len(heads) >= headBytes {
		odd += (uint64(binary.LittleEndian.Uint32(heads)) - uint64(head)) >> 63
	}
	return int(even + odd)
}

// match returns how many bytes s and the suffix of entry i have in common, and
// whether that is the whole suffix. head is the head of s.
func (t *twig) match(i int, s []byte, head uint32) (same int, whole bool) {
	inHead := 1 + int(t.mark(i)&markBytes)
	same = min(bits.LeadingZeros32(t.head(i)^head)/8, inHead, len(s))
	if same < headBytes {
		return same, same == inHead
	}
	value, end := t.record(i)
	rest := t.n[value+4 : end]
	n := common(rest, s[headBytes:])
	return headBytes + n, n == len(rest)
}

// headOf returns the head of a suffix.
func headOf(s []byte) uint32 {
	if len(s) >= headBytes {
		return binary.BigEndian.Uint32(s)
	}
	var head uint32
	for i, c := range s {
		head |= uint32(c) << (24 - 8*i)
	}
	return head
}

// descendTwig ends a descent that led to the twig n with the first pos bytes of key.
func descendTwig(n, key []byte, pos int, stopAt byte) Match {
	at, length, count := 2, int(n[0]&twigLength), int(n[1])+1
	if length > 0 {
		if length == twigLength {
			at, length = 4, int(binary.LittleEndian.Uint16(n[2:]))
		}
		same := common(n[at:at+length], key[pos:])
		pos += same
		if same < length {
			return Match{Len: pos}
		}
		at += length
	}
	s := key[pos:]
	if len(s) < headBytes {
		return descendTwigSlow(n, at, count, s, pos, stopAt)
	}
	// Nearly always there is one entry at most with this head, and it fills it:
	// then nothing else can match, or have as much in common with s.
	head := binary.BigEndian.Uint32(s)
	ends := at + headBytes*count
	i := lowerHeads(n[at:ends], head)
	at += headBytes * i
	if i == count || binary.LittleEndian.Uint32(n[at:]) != head ||
		i+1 < count && binary.LittleEndian.Uint32(n[at+headBytes:]) == head {
		return descendTwigSlow(n, at-headBytes*i, count, s, pos, stopAt)
	}
	marks := ends + 1 + count
	mark := n[marks+i/2] >> (i % 2 * 4)
	if mark&markBytes != markBytes {
		return descendTwigSlow(n, at-headBytes*i, count, s, pos, stopAt)
	}
	record := n[marks+(count+1)/2+4*i:]
	start, end := int(n[ends+i]), int(n[ends+i+1])
	rest := record[start+4 : end+4]
	same := common(rest, s[headBytes:])
	pos += headBytes + same
	if same < len(rest) || pos < len(key) && (mark&markStop == 0 || stopAt == 0) {
		return Match{Len: pos}
	}
	return Match{pos, binary.LittleEndian.Uint32(record[start:]), true, mark&markStop != 0}
}

// descendTwigSlow does so for any s = key[pos:], which begins behind the twig's
// prefix. The twig has count entries and its parts begin at at.
func descendTwigSlow(n []byte, at, count int, s []byte, pos int, stopAt byte) Match {
	t := twigAt(n, at, count)
	head := headOf(s)
	from, to := t.search(head)
	if from == to {
		// The entries on both sides have most in common with s; and one whose
		// suffix is shorter than a head may be a prefix of it.
		from, to = max(from-1, 0), min(to+1, t.count)
	}
	best := 0
	for i := from; i < to; i++ {
		same, whole := t.match(i, s, head)
		if whole {
			e := t.entry(i)
			if same == len(s) || e.Stop && stopAt != 0 {
				return Match{pos + same, e.Value, true, e.Stop}
			}
		}
		best = max(best, same)
	}
	return Match{Len: pos + best}
}

// floor returns the last entry whose suffix is not above s, or -1.
func (t *twig) floor(s []byte) int {
	head := headOf(s)
	from, to := t.search(head)
	for i := to - 1; i >= from; i-- {
		same, whole := t.match(i, s, head)
		if whole {
			return i
		}
		if same == len(s) {
			continue // s is a prefix of the suffix
		}
		if value, _ := t.record(i); same >= headBytes && t.n[value+4+same-headBytes] < s[same] {
			return i
		}
	}
	return from - 1
}

// twigBytes returns the size of a twig.
func twigBytes(prefix, count, rest int) int {
	size := 2 + prefix + headBytes*count + 1 + count + (count+1)/2 + 4*count + rest
	if prefix >= twigLength {
		size += 2
	}
	return size
}

// putTwig starts a twig in n; set fills it.
func putTwig(n, prefix []byte, count int) twig {
	n[0] = kindTwig | byte(min(len(prefix), twigLength))
	n[1] = byte(count - 1)
	return twigAt(n, putPrefix(n, 2, prefix, twigLength), count)
}

// set writes entry i; those before it must have been set.
func (t *twig) set(i int, suffix []byte, e Entry) {
	binary.LittleEndian.PutUint32(t.n[t.heads+headBytes*i:], headOf(suffix))
	inHead := min(len(suffix), headBytes)
	mark := byte(inHead - 1)
	if e.Stop {
		mark |= markStop
	}
	t.n[t.marks+i/2] |= mark << (i % 2 * 4)
	rest := suffix[inHead:]
	t.n[t.ends+i+1] = t.n[t.ends+i] + byte(len(rest))
	value, _ := t.record(i)
	binary.LittleEndian.PutUint32(t.n[value:], e.Value)
	copy(t.n[value+4:], rest)
}
