package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"yushan/zone/dname"
	"yushan/zone/master"
)

// Builder makes a [Zone] out of records in any order. AddBatch may be called
// from several goroutines at once; Build is called once, when all have come back.
type Builder struct {
	origin []byte
	files  []string // names of the files that records say they come from

	mu      sync.Mutex
	parts   []part
	refused []refused
}

// refused is a record that cannot be in the zone.
type refused struct {
	finding Finding
	file    uint16 // names of files are known only when all has been read
}

// part is what one batch brought.
type part struct {
	seq     int
	data    []byte
	entries []entry
}

// entry stands for one record while all are sorted. prefix holds the first
// eight bytes of its key, which decide most comparisons.
type entry struct {
	prefix uint64
	part   uint32
	off    uint32
}

// A record in a part's data: a header, the key of its owner, its RDATA.
//
//	│ key bytes u16 │ RDATA bytes u16 │ set u32 │ ttl u32 │ type u16 │ file u16 │ line u32 │ column u32 │ key │ RDATA │
//
// set orders the records of one owner: by type, with RRSIG right behind the
// type that it covers.
const recordHeader = 24

// NewBuilder returns a builder for the zone whose apex is origin, in wire
// format.
func NewBuilder(origin []byte) *Builder {
	return &Builder{origin: dname.AppendLower(nil, origin)}
}

// AddBatch takes records in. The memory of the batch may be reused afterwards.
func (b *Builder) AddBatch(batch *master.Batch) {
	size := 0
	for i := range batch.Records {
		size += recordHeader + len(batch.Records[i].Owner) + 4 + len(batch.Records[i].RDATA)
	}
	p := part{seq: batch.Seq, data: make([]byte, 0, size), entries: make([]entry, 0, len(batch.Records))}
	var no []refused
	for i := range batch.Records {
		r := &batch.Records[i]
		if !dname.IsSubdomain(r.Owner, b.origin) {
			no = append(no, refused{outsideFinding(r, b.origin), r.File})
			continue
		}
		if !wellFormed(r.Type, r.RDATA) {
			no = append(no, refused{malformedFinding(r), r.File})
			continue
		}
		p.add(r, len(b.origin))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts = append(b.parts, p)
	b.refused = append(b.refused, no...)
}

func (p *part) add(r *master.Record, apexLen int) {
	at := len(p.data)
	d := append(p.data, make([]byte, recordHeader)...)
	d = dname.AppendKey(d, r.Owner, apexLen)
	keyLen := len(d) - at - recordHeader
	d = append(d, r.RDATA...)
	h := d[at:]
	binary.LittleEndian.PutUint16(h, uint16(keyLen))
	binary.LittleEndian.PutUint16(h[2:], uint16(len(r.RDATA)))
	binary.LittleEndian.PutUint32(h[4:], setOrder(r.Type, r.RDATA))
	binary.LittleEndian.PutUint32(h[8:], r.TTL)
	binary.LittleEndian.PutUint16(h[12:], r.Type)
	binary.LittleEndian.PutUint16(h[14:], r.File)
	binary.LittleEndian.PutUint32(h[16:], r.Line)
	binary.LittleEndian.PutUint32(h[20:], r.Column)
	var prefix [8]byte
	copy(prefix[:], d[at+recordHeader:at+recordHeader+keyLen])
	p.entries = append(p.entries, entry{prefix: binary.BigEndian.Uint64(prefix[:]), off: uint32(at)})
	p.data = d
}

// signatureSet marks the set of the signatures over a type.
const signatureSet = 1

func setOrder(rrtype uint16, rdata []byte) uint32 {
	if rrtype == TypeRRSIG && len(rdata) >= 2 {
		return uint32(binary.BigEndian.Uint16(rdata))<<1 | signatureSet
	}
	return uint32(rrtype) << 1
}

func fileName(files []string, i uint16) string {
	if int(i) < len(files) {
		return files[i]
	}
	return ""
}

// header accessors of a sorted record.
func (b *Builder) record(e entry) []byte { return b.parts[e.part].data[e.off:] }

func recordKey(d []byte) []byte { return d[recordHeader : recordHeader+le16(d)] }

func recordSet(d []byte) uint32 { return binary.LittleEndian.Uint32(d[4:]) }

func recordType(d []byte) uint16 { return binary.LittleEndian.Uint16(d[12:]) }

func recordRDATA(d []byte) []byte {
	at := recordHeader + le16(d)
	return d[at : at+le16(d[2:])]
}

func toRR(d []byte) rr {
	return rr{
		ttl:   binary.LittleEndian.Uint32(d[8:]),
		rdata: recordRDATA(d),
		at: position{
			file: binary.LittleEndian.Uint16(d[14:]), line: binary.LittleEndian.Uint32(d[16:]),
			column: binary.LittleEndian.Uint32(d[20:]),
		},
	}
}

func (b *Builder) compare(x, y entry) int {
	if x.prefix != y.prefix {
		return cmp.Compare(x.prefix, y.prefix)
	}
	dx, dy := b.record(x), b.record(y)
	if c := bytes.Compare(recordKey(dx), recordKey(dy)); c != 0 {
		return c
	}
	return cmp.Compare(recordSet(dx), recordSet(dy))
}

// sorted returns all entries by owner in canonical order and by set, in the
// order of the file within a set.
func (b *Builder) sorted() []entry {
	slices.SortFunc(b.parts, func(x, y part) int { return cmp.Compare(x.seq, y.seq) })
	total := 0
	for _, p := range b.parts {
		total += len(p.entries)
	}
	all := make([]entry, 0, total)
	for i := range b.parts {
		for _, e := range b.parts[i].entries {
			e.part = uint32(i)
			all = append(all, e)
		}
		b.parts[i].entries = nil
	}
	if slices.IsSortedFunc(all, b.compare) {
		return all
	}
	return b.sort(all)
}

// buckets is how many runs of keys are sorted each for itself: enough for each
// to fit into a core's own cache, and for cores to get equal shares.
const buckets = 256

// sort sorts entries on all cores: they are dealt into buckets along the
// prefixes of some, and each bucket is sorted.
func (b *Builder) sort(all []entry) []entry {
	var splitters []uint64
	sample := make([]uint64, 0, 8*buckets)
	for i := 0; i < len(all); i += 1 + len(all)/(8*buckets) {
		sample = append(sample, all[i].prefix)
	}
	slices.Sort(sample)
	for i := 8; i < len(sample); i += 8 {
		splitters = append(splitters, sample[i])
	}
	bucketOf := func(e entry) int {
		i, found := slices.BinarySearch(splitters, e.prefix)
		if found {
			i++ // all of one prefix are in one bucket, whichever
		}
		return i
	}
	splitters = slices.Compact(splitters)
	ends := make([]int, len(splitters)+1)
	for _, e := range all {
		ends[bucketOf(e)]++
	}
	starts := make([]int, len(ends))
	for i, at := 0, 0; i < len(ends); i++ {
		starts[i] = at
		at += ends[i]
		ends[i] = starts[i]
	}
	dealt := make([]entry, len(all))
	for _, e := range all {
		i := bucketOf(e)
		dealt[ends[i]] = e
		ends[i]++
	}
	inFileOrder := func(x, y entry) int {
		return cmp.Or(b.compare(x, y), cmp.Compare(x.part, y.part), cmp.Compare(x.off, y.off))
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(ends); i = int(next.Add(1)) - 1 {
				slices.SortFunc(dealt[starts[i]:ends[i]], inFileOrder)
			}
		})
	}
	workers.Wait()
	return dealt
}
