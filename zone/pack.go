package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"yushan/zone/dname"
	"yushan/zone/master"
)

// packer makes strands. It keeps memory from one batch to the next.
type packer struct {
	b      *Builder
	recent recentHostings

	keys []byte
	runs []packedRun

	data    []byte
	marks   []uint32
	records []byte // of a run
	text    []byte // of a hosting
	key     []byte // scratch
}

// packedRun is a run of records of a batch.
type packedRun struct {
	prefix     uint64 // the first bytes of the key, which decide most comparisons
	key        uint32 // where it begins in keys
	keyBytes   uint16
	first, end uint32 // records
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
		slices.SortFunc(p.runs, func(x, y packedRun) int {
			if x.prefix != y.prefix {
				return cmp.Compare(x.prefix, y.prefix)
			}
			return cmp.Or(bytes.Compare(p.keyOf(&x), p.keyOf(&y)), cmp.Compare(x.first, y.first))
		})
	}
}

// begin begins a run with the record at i, and tells whether its key is not below
// that of the run before.
func (p *packer) begin(owner []byte, i int) (sorted bool) {
	at := len(p.keys)
	p.keys = dname.AppendKey(p.keys, owner, len(p.b.origin))
	key := p.keys[at:]
	sorted = len(p.runs) == 0 || bytes.Compare(p.keyOf(&p.runs[len(p.runs)-1]), key) <= 0
	p.runs = append(p.runs, packedRun{keyPrefix(key), uint32(at), uint16(len(key)), uint32(i), uint32(i)})
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
	s.data, s.marks = bytes.Clone(p.data), slices.Clone(p.marks)
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
			if apex {
				break
			}
			n = p.hosting(s, at, rest)
			if n == len(records) {
				traits |= traitHosted
			} else if n == 0 {
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
