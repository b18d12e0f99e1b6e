package zone

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"sync"

	"yushan/zone/arena"
	"yushan/zone/radix"
)

// construction makes a whole zone of sorted records. The apex comes first; the
// rest is cut into segments, which cores assemble at the same time. What a
// segment yields for the trees is added in order, while later ones are worked on.
type construction struct {
	*Builder
	entries     []entry
	data, trees *arena.Arena
	referrals   referrals
}

// segmentRecords is how many records a segment has at least, if there are more:
// the last span of memory of each is half lost.
const segmentRecords = 64 << 10

// Build makes the zone. The zone is nil if the report has errors.
func (b *Builder) Build() (*Zone, *Report) {
	return b.build(context.Background(), segmentRecords)
}

// BuildContext is [Builder.Build] that ends early when ctx does; then there is
// neither zone nor report, and the error is that of ctx.
func (b *Builder) BuildContext(ctx context.Context) (*Zone, *Report, error) {
	zone, report := b.build(ctx, segmentRecords)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return zone, report, nil
}

func (b *Builder) build(ctx context.Context, segmentRecords int) (*Zone, *Report) {
	report := &Report{}
	for _, r := range b.refused {
		r.finding.File = fileName(b.files, r.file)
		report.add(r.finding)
	}
	c := &construction{Builder: b, entries: b.sorted(), data: arena.New(), trees: arena.New()}
	c.referrals.init(c.data)
	apex := c.newSegment(0, c.nextOwner(0))
	apex.report = report
	if len(c.entries) > 0 && len(c.key(0)) > 0 {
		apex.to = 0 // there is no record at the apex
	}
	zone := c.run(ctx, apex, c.divide(apex.to, segmentRecords))
	report.sort()
	if !report.OK() {
		return nil, report
	}
	return zone, report
}

func (c *construction) run(ctx context.Context, apex *segment, segments []*segment) *Zone {
	apex.run()
	work := make(chan *segment, len(segments))
	for _, s := range segments {
		s.follow(&apex.assembly)
		work <- s
	}
	close(work)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(segments)) {
		workers.Go(func() {
			for s := range work {
				if ctx.Err() == nil {
					s.run()
				}
				close(s.done)
			}
		})
	}
	names, occluded, nsec3 := radix.NewBuilder(c.trees), radix.NewBuilder(c.trees), radix.NewBuilder(c.trees)
	whole := &apex.assembly
	apex.deliver(names, occluded, nsec3)
	for i, s := range segments {
		<-s.done
		s.deliver(names, occluded, nsec3)
		whole.absorb(&s.assembly)
		segments[i] = nil
	}
	workers.Wait()
	if ctx.Err() != nil {
		return nil
	}

	var start position
	if len(c.entries) > 0 {
		start = toRR(c.record(c.entries[0])).at
	}
	hashes := nsec3.Finish()
	whole.checkApex(start, hashes.Len() > 0)
	switch {
	case hashes.Len() > 0:
		whole.hashes.close(whole)
	case whole.chain.count > 0:
		whole.chain.close(whole)
	}
	z := whole.zone(c.trees, names.Finish(), occluded.Finish(), hashes, c.siblingTree(whole.siblings))
	if z != nil {
		z.pool = c.referrals.pool
	}
	return z
}

// divide makes segments of what follows the apex. No cut or DNAME but one at the
// apex hides names of more than one.
func (c *construction) divide(from, segmentRecords int) (segments []*segment) {
	for from < len(c.entries) {
		to := min(from+segmentRecords, len(c.entries))
		for last := firstLabel(c.key(to - 1)); to < len(c.entries) && bytes.Equal(firstLabel(c.key(to)), last); {
			to++
		}
		segments = append(segments, c.newSegment(from, to))
		from = to
	}
	return segments
}

// firstLabel returns the part of key that stands for the label below the apex.
func firstLabel(key []byte) []byte { return key[:bytes.IndexByte(key, 0)+1] }

func (c *construction) siblingTree(siblings map[string]struct{}) radix.Tree {
	keys := make([]string, 0, len(siblings))
	for k := range siblings {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	tree := radix.NewBuilder(c.trees)
	for _, k := range keys {
		tree.Add([]byte(k), 1, false)
	}
	return tree.Finish()
}

func (c *construction) key(i int) []byte { return recordKey(c.record(c.entries[i])) }

// nextOwner returns the index of the first record behind i of another owner.
func (c *construction) nextOwner(i int) int {
	if i == len(c.entries) {
		return i
	}
	key := c.key(i)
	prefix := c.entries[i].prefix
	j := i + 1
	for j < len(c.entries) && c.entries[j].prefix == prefix && bytes.Equal(c.key(j), key) {
		j++
	}
	return j
}
