package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"yushan/zone/dname"
	"yushan/zone/master"
)

// packer makes strands. It keeps memory from one batch to the next.
type packer struct {
	b      *Builder
	recent recentHostings

	keys  []byte
	runs  []packedRun
	spare []packedRun
	words []uint64 // scratch of sort

	data    []byte
	marks   []uint32
	records []byte // of a run
	text    []byte // of a hosting
	key     []byte // scratch
}

// packedRun is a run of records of a batch.
type packedRun struct {
	key        uint32 // where it begins in keys
	keyBytes   uint16
	first, end uint32 // records
}

func (p *packer) keyOf(r *packedRun) []byte { return p.keys[r.key : r.key+uint32(r.keyBytes)] }

// divide finds the runs in records, and leaves out what cannot be in the zone,
// of which it reports.
func (p *packer) divide(records []master.Record, report *Report) {
	p.keys, p.runs = p.keys[:0], p.runs[:0]
	sorted := true
	var owner []byte // of the last run
	inside := false  // it is in the zone
	for i := range records {
		r := &records[i]
		if owner == nil || !sameName(owner, r.Owner) {
			owner = r.Owner
			if inside = dname.IsSubdomain(owner, p.b.origin); inside {
				sorted = p.begin(owner, i) && sorted
			}
		}
		switch {
		case !inside:
			report.add(outsideFinding(r, p.b.origin))
		case !wellFormed(r.Type, r.RDATA):
			report.add(malformedFinding(r))
			owner = nil
		default:
			p.runs[len(p.runs)-1].end = uint32(i + 1)
		}
	}
	if !sorted {
		p.sort()
	}
}

// sort sorts the runs by key, and those of one key as they came: numbers first,
// of which each is made of the start of a key and the index of a run; and by keys then
// what that leaves together.
func (p *packer) sort() {
	shift := bits.Len(uint(len(p.runs)))
	words := p.words[:0]
	for i := range p.runs {
		words = append(words, orderOf(p.keyOf(&p.runs[i]))>>shift<<shift|uint64(i))
	}
	slices.Sort(words)
	sorted := p.spare[:0]
	for _, w := range words {
		sorted = append(sorted, p.runs[w&(1<<shift-1)])
	}
	for i, j := 0, 0; i < len(words); i = j {
		for j = i + 1; j < len(words) && words[j]>>shift == words[i]>>shift; j++ {
		}
		if j > i+1 {
			slices.SortFunc(sorted[i:j], func(x, y packedRun) int {
				return cmp.Or(bytes.Compare(p.keyOf(&x), p.keyOf(&y)), cmp.Compare(x.first, y.first))
			})
		}
	}
	p.words, p.runs, p.spare = words, sorted, p.runs
}

// symbols are the bytes that nearly all keys are made of, in order.
const symbols = "\x00*-0123456789_abcdefghijklmnopqrstuvwxyz"

// symbolOrder orders bytes by six bits: symbols, and between them the rest, whose
// order among themselves it doesn't tell.
var symbolOrder = func() (t [256]struct{ order, exact uint8 }) {
	order := uint8(0)
	for c := range 256 {
		exact := strings.IndexByte(symbols, byte(c)) >= 0
		if c > 0 && (exact || t[c-1].exact != 0) {
			order++
		}
		t[c].order = order
		if exact {
			t[c].exact = 1
		}
	}
	return t
}()

// orderOf returns a number for the start of key: of two keys the one with the
// lower number is below the other. It holds ten symbols of six bits.
func orderOf(key []byte) (n uint64) {
	const most = 10
	shift := 64 - 6
	for _, c := range key[:min(len(key), most)] {
		s := symbolOrder[c]
		n |= uint64(s.order) << shift
		shift -= 6
		if s.exact == 0 {
			break
		}
	}
	return n
}

// begin begins a run with the record at i, and tells whether its key is not below
// that of the run before.
func (p *packer) begin(owner []byte, i int) (sorted bool) {
	at := len(p.keys)
	p.keys = dname.AppendKey(p.keys, owner, len(p.b.origin))
	key := p.keys[at:]
	sorted = len(p.runs) == 0 || bytes.Compare(p.keyOf(&p.runs[len(p.runs)-1]), key) <= 0
	p.runs = append(p.runs, packedRun{uint32(at), uint16(len(key)), uint32(i), uint32(i)})
	return sorted
}

// sameName tells whether names of the same length and case are the same; a reader
// gives records of one owner one slice.
func sameName(x, y []byte) bool {
	return len(x) == len(y) && (&x[0] == &y[0] || bytes.Equal(x, y))
}

// pack makes a strand of records, which are from one file, or nil if none can be
// in the zone.
func (p *packer) pack(records []master.Record, report *Report) *strand {
	p.divide(records, report)
	s := &strand{file: records[0].File, line: records[0].Line, ttl: records[0].TTL}
	p.data, p.marks = p.data[:0], p.marks[:0]
	var before []byte
	for i := range p.runs {
		r := &p.runs[i]
		if r.first == r.end {
			continue // it had malformed records only
		}
		key := p.keyOf(r)
		shared := 0
		if s.runs%p.b.markEvery == 0 {
			p.marks = append(p.marks, uint32(len(p.data)))
		} else {
			shared = sharedPrefix(before, key)
		}
		before = key
		s.runs++
		p.data = binary.AppendUvarint(p.data, uint64(shared))
		p.data = binary.AppendUvarint(p.data, uint64(len(key)-shared))
		p.data = append(p.data, key[shared:]...)
		p.run(s, records[r.first:r.end], len(key) == 0)
	}
	if s.runs == 0 {
		return nil
	}
	s.data, s.marks = p.b.keep(p.data), slices.Clone(p.marks)
	s.first, s.last = bytes.Clone(s.mark(0)), bytes.Clone(before)
	return s
}

// sharedPrefix returns how many bytes x and y have in common at their start.
func sharedPrefix(x, y []byte) int {
	n := min(len(x), len(y))
	for i := range n {
		if x[i] != y[i] {
			return i
		}
	}
	return n
}

// run appends what is behind the key of a run.
func (p *packer) run(s *strand, records []master.Record, apex bool) {
	var traits byte
	p.records = p.records[:0]
	at := place{records[0].Line, records[0].Column}
	mayBeHosting := !apex
	for rest := records; len(rest) > 0; {
		n := 0
		switch r := &rest[0]; r.Type {
		case TypeA, TypeAAAA:
			traits |= traitAddress
		case TypeRRSIG:
			if covered := setOrder(TypeRRSIG, r.RDATA) >> 1; isAddress(uint16(covered)) {
				traits |= traitAddress
			}
		case TypeDNAME:
			traits |= traitBarrier
		case TypeNS:
			traits |= traitBarrier
			if mayBeHosting {
				n = p.hosting(s, at, rest)
				mayBeHosting = false
			}
			if n == len(records) {
				traits |= traitHosted
			} else if n == 0 && !apex {
				p.b.siblings.note(p, r)
			}
		}
		if n == 0 {
			p.record(s, at, &rest[0])
			n = 1
		}
		at = place{rest[n-1].Line + 1, rest[n-1].Column}
		rest = rest[n:]
	}
	p.data = append(p.data, traits)
	p.data = binary.AppendVarint(p.data, int64(int32(records[0].Line-s.line)))
	p.data = binary.AppendUvarint(p.data, uint64(records[0].Column))
	p.data = binary.AppendUvarint(p.data, uint64(len(p.records)))
	p.data = append(p.data, p.records...)
}

// place is where a record begins.
type place struct{ line, column uint32 }

// head appends what goes before the RDATA of a record; at is where it is
// expected to be.
func (p *packer) head(s *strand, number byte, r *master.Record, at place) {
	head := number
	if r.TTL != s.ttl {
		head |= headTTL
	}
	stated := at != place{r.Line, r.Column}
	if stated {
		head |= headPlace
	}
	p.records = append(p.records, head)
	if number == numberNone {
		p.records = binary.LittleEndian.AppendUint16(p.records, r.Type)
	}
	if r.TTL != s.ttl {
		p.records = binary.LittleEndian.AppendUint32(p.records, r.TTL)
	}
	if stated {
		p.records = binary.AppendVarint(p.records, int64(int32(r.Line-at.line+1)))
		p.records = binary.AppendUvarint(p.records, uint64(r.Column))
	}
}

func (p *packer) record(s *strand, at place, r *master.Record) {
	p.head(s, numberOf(r.Type), r, at)
	if fixedSize(r.Type) == 0 {
		p.records = binary.AppendUvarint(p.records, uint64(len(r.RDATA)))
	}
	p.records = append(p.records, r.RDATA...)
}

// hosting appends the NS records that records begin with as one, if they can be
// a hosting, and returns how many that are.
func (p *packer) hosting(s *strand, at place, records []master.Record) (n int) {
	first, size := &records[0], 0
	for n < len(records) && records[n].Type == TypeNS {
		r := &records[n]
		if r.TTL != first.TTL || r.Line != first.Line+uint32(n) || r.Column != first.Column ||
			dname.IsSubdomain(r.RDATA, first.Owner) {
			return 0
		}
		size += 1 + len(r.RDATA)
		n++
	}
	if size > maxHostingText {
		return 0
	}
	p.text = appendHosting(p.text[:0], records[:n])
	number, isNew, ok := p.b.hostings.find(p.text, &p.recent)
	if !ok {
		return 0
	}
	if isNew {
		for i := range n {
			p.b.siblings.note(p, &records[i])
		}
	}
	p.head(s, numberHosting, first, at)
	p.records = binary.AppendUvarint(p.records, uint64(number))
	return n
}
