package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sync"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// Builder makes a [Zone] out of records in any order. AddBatch may be called
// from several goroutines at once; Build is called once, when all have come back.
//
// Each batch becomes a [strand] at once, by the goroutine that brings it: what is
// fresh in a processor's cache is sorted and packed there. Build then goes through
// all strands at the same time, by owner.
type Builder struct {
	origin    []byte
	files     []string // names of the files that records say they come from
	markEvery int      // runs of a strand from one mark to the next

	hostings *hostings
	siblings siblings

	mu      sync.Mutex // guards what follows
	strands []*strand
	reports []batchReport
	packers []*packer // that are free
	kept    int       // bytes of strands
	block   []byte    // memory for strands to come
}

// refused is a record that cannot be in the zone.
type refused struct {
	finding Finding
	file    uint16 // names of files are known only when all has been read
}

// batchReport is what there is to say of records that cannot be in the zone.
type batchReport struct {
	seq    int
	file   uint16 // as in refused
	report Report
}

// NewBuilder returns a builder for the zone whose apex is origin, in wire
// format.
func NewBuilder(origin []byte) *Builder {
	origin = dname.AppendLower(nil, origin)
	return &Builder{
		origin: origin, markEvery: 16, hostings: newHostings(origin),
		siblings: siblings{servers: make(map[string]*sibling)},
	}
}

// AddBatch takes records in. The memory of the batch may be reused afterwards.
func (b *Builder) AddBatch(batch *master.Batch) {
	p := b.packer()
	var strands []*strand
	var reports []batchReport
	for rest := batch.Records; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].File == rest[0].File {
			n++
		}
		report := batchReport{seq: batch.Seq, file: rest[0].File}
		if s := p.pack(rest[:n], &report.report); s != nil {
			s.seq = batch.Seq
			strands = append(strands, s)
		}
		if len(report.report.Findings) > 0 {
			reports = append(reports, report)
		}
		rest = rest[n:]
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.strands = append(b.strands, strands...)
	b.reports = append(b.reports, reports...)
	b.packers = append(b.packers, p)
}

// keepBlock is how much memory is taken at a time once there is as much of it.
const keepBlock = 4 << 20

// keep returns a copy of data.
func (b *Builder) keep(data []byte) []byte {
	b.mu.Lock()
	if b.kept += len(data); b.kept < keepBlock || len(data) > keepBlock/8 {
		b.mu.Unlock()
		return bytes.Clone(data)
	}
	if len(data) > len(b.block) {
		b.block = arena.Memory(keepBlock)
	}
	kept := b.block[:len(data):len(data)]
	b.block = b.block[len(data):]
	b.mu.Unlock()
	copy(kept, data)
	return kept
}

func (b *Builder) packer() *packer {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.packers)
	if n == 0 {
		return &packer{b: b}
	}
	p := b.packers[n-1]
	b.packers = b.packers[:n-1]
	return p
}

// settle ends the adding: it forgets what only that needs, and puts the strands
// into the order of the batches.
func (b *Builder) settle(report *Report) {
	b.packers, b.block = nil, nil
	slices.SortStableFunc(b.strands, func(x, y *strand) int { return cmp.Compare(x.seq, y.seq) })
	slices.SortStableFunc(b.reports, func(x, y batchReport) int { return cmp.Compare(x.seq, y.seq) })
	for i := range b.reports {
		r := &b.reports[i]
		for j := range r.report.Findings {
			r.report.Findings[j].File = fileName(b.files, r.file)
		}
		report.merge(&r.report)
	}
	b.reports = nil
}

// signatureSet marks the set of the signatures over a type.
const signatureSet = 1

// setOrder orders the RRsets of one owner: by type, with the signatures over
// one right behind it.
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
