package zone

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// A strand is what one batch brought, sorted by owner and packed. A zone is built
// of many, and they are most of the memory that building takes. The data of a
// strand are runs, which are records of one owner that stood together, end to end:
//
//	run      │ shared uvarint │ rest uvarint │ rest of the key │ traits u8 │ line varint │ column uvarint │ size uvarint │ records │
//	record   │ head u8 │ type u16 │ ttl u32 │ line varint │ column uvarint │ size uvarint │ RDATA │
//
// A run shares so many bytes of its key with the run before; none if it is a mark,
// which every so many are, so that one can start there. Its line counts from that
// of the strand. What goes without saying is left out of a record: a type that has
// a number, a TTL that is the strand's, the place if it is that of the run or on the line
// below the record before, and the size of an address. NS records that many
// delegations have stand as one record whose RDATA is the number of a [hosting].
type strand struct {
	seq   int
	file  uint16
	line  uint32
	ttl   uint32
	runs  int
	data  []byte
	marks []uint32 // where they begin
	first []byte   // key of the first run
	last  []byte   // key of the last one
}

// Traits of a run.
const (
	traitHosted  = 1 << iota // it is a hosting and no other record
	traitAddress             // it has addresses, or signatures over some
	traitBarrier             // it has NS or DNAME records
)

// The head of a record: the number of its type, and what is stated.
const (
	headNumber = 0x0f
	headTTL    = 0x10
	headPlace  = 0x20

	numberNone    = 0 // the type is stated
	numberHosting = 15
)

// numbered are the types that have a number.
var numbered = [...]uint16{1: TypeA, TypeNS, TypeAAAA, TypeDS, TypeRRSIG, TypeNSEC3, TypeNSEC, TypeTXT, TypeCNAME}

// numberOf returns the number of a type.
func numberOf(rrtype uint16) byte {
	for i, t := range numbered {
		if t == rrtype {
			return byte(i)
		}
	}
	return numberNone
}

// fixedSize is the size of RDATA that has only one; else 0.
func fixedSize(rrtype uint16) int {
	switch rrtype {
	case TypeA:
		return 4
	case TypeAAAA:
		return 16
	}
	return 0
}

// mark returns the key of mark i.
func (s *strand) mark(i int) []byte {
	at := int(s.marks[i]) + 1 // behind what it shares, which is nothing
	n, size := uvarint(s.data[at:])
	return s.data[at+size : at+size+n]
}

// seek returns where to start to find the runs from key on: the last mark below
// it, or the start.
func (s *strand) seek(key []byte) int {
	i := sort.Search(len(s.marks), func(i int) bool { return bytes.Compare(s.mark(i), key) >= 0 })
	return int(s.marks[max(i-1, 0)])
}

// appendKey appends the key of the run at off to keys, in which that of the run
// before it begins at before.
func (s *strand) appendKey(keys []byte, before, off int) (longer []byte, next int) {
	shared, n := uvarint(s.data[off:])
	off += n
	rest, n := uvarint(s.data[off:])
	off += n
	keys = append(keys, keys[before:before+shared]...)
	return append(keys, s.data[off:off+rest]...), off + rest
}

// run is a view of a run behind its key.
type run struct {
	traits  byte
	at      position // of the first record
	records []byte
}

// run returns the run whose key ends at off.
func (s *strand) run(off int) (r run, next int) {
	r.traits = s.data[off]
	off++
	line, n := varint(s.data[off:])
	off += n
	column, n := uvarint(s.data[off:])
	off += n
	size, n := uvarint(s.data[off:])
	off += n
	r.at = position{file: s.file, line: s.line + uint32(line), column: uint32(column)}
	r.records = s.data[off : off+size]
	return r, off + size
}

// setRecord is a record, and where it belongs among those of its owner.
type setRecord struct {
	set uint32 // see setOrder
	rr
}

// appendRecords appends the records of a run to dst. Their RDATA is memory of the
// strand, or of a hosting.
func (s *strand) appendRecords(dst []setRecord, r run, hostings []*hosting) []setRecord {
	at := r.at
	for d, first := r.records, true; len(d) > 0; first = false {
		head := d[0]
		d = d[1:]
		number := head & headNumber
		var rrtype uint16
		switch number {
		case numberNone:
			rrtype = binary.LittleEndian.Uint16(d)
			d = d[2:]
		case numberHosting:
		default:
			rrtype = numbered[number]
		}
		ttl := s.ttl
		if head&headTTL != 0 {
			ttl = binary.LittleEndian.Uint32(d)
			d = d[4:]
		}
		if head&headPlace != 0 {
			line, n := varint(d)
			d = d[n:]
			column, n := uvarint(d)
			d = d[n:]
			at.line, at.column = at.line+uint32(line), uint32(column)
		} else if !first {
			at.line++
		}
		if number == numberHosting {
			i, n := uvarint(d)
			d = d[n:]
			for j, rdata := range hostings[i].servers {
				if j > 0 {
					at.line++
				}
				dst = append(dst, setRecord{setOrder(TypeNS, nil), rr{ttl, rdata, at}})
			}
			continue
		}
		size := fixedSize(rrtype)
		if size == 0 {
			var n int
			size, n = uvarint(d)
			d = d[n:]
		}
		rdata := d[:size:size]
		dst = append(dst, setRecord{setOrder(rrtype, rdata), rr{ttl, rdata, at}})
		d = d[size:]
	}
	return dst
}

// hosting returns the number of the hosting that a run with that trait is.
func (r run) hosting() int {
	at := 1
	if r.records[0]&headTTL != 0 {
		at += 4
	}
	i, _ := uvarint(r.records[at:])
	return i
}

// uvarint reads an unsigned number as encoding/binary writes it.
func uvarint(b []byte) (v, size int) {
	if b[0] < 0x80 {
		return int(b[0]), 1
	}
	u, n := binary.Uvarint(b)
	return int(u), n
}

// varint likewise reads a signed one.
func varint(b []byte) (v, size int) {
	u, n := uvarint(b)
	return u>>1 ^ -(u & 1), n
}
