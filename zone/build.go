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

// construction makes a whole zone of strands. The apex comes first; the rest is
// cut into segments (divide.go), which cores assemble at the same time, each with
// its part of the trees. The parts are joined in order, while later segments are
// worked on.
type construction struct {
	*Builder
	data, trees *arena.Arena
	referrals   referrals
}

// segmentRuns is how many runs of records a segment has about: their keys and
// what they lead to are to stay in a core's own cache.
const segmentRuns = 8 << 10

// collectAfter is how much memory must have been used up for it to be collected.
const collectAfter = 8 << 20

// Build makes the zone. The zone is nil if the report has errors.
func (b *Builder) Build() (*Zone, *Report) {
	return b.build(context.Background(), segmentRuns)
}

// BuildContext is [Builder.Build] that ends early when ctx does; then there is
// neither zone nor report, and the error is that of ctx.
func (b *Builder) BuildContext(ctx context.Context) (*Zone, *Report, error) {
	zone, report := b.build(ctx, segmentRuns)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return zone, report, nil
}

func (b *Builder) build(ctx context.Context, segmentRuns int) (*Zone, *Report) {
	report := &Report{}
	b.settle(report)
	c := &construction{Builder: b, data: arena.New(), trees: arena.New()}
	c.referrals.init(c.data)
	c.findSiblings(ctx)
	zone := c.run(ctx, report, segmentRuns)
	report.sort()
	if !report.OK() {
		return nil, report
	}
	return zone, report
}

// pastApex is below all keys but that of the apex.
var pastApex = []byte{1}

func (c *construction) run(ctx context.Context, report *Report, segmentRuns int) *Zone {
	first := c.newWorker()
	start := first.start()
	first.report = report
	whole := first.run(&segment{to: pastApex})
	first.close()
	apex := whole.assembly // what is made of all is collected in whole meanwhile
	segments := c.segments(segmentRuns)
	work := make(chan *segment, len(segments))
	for _, s := range segments {
		work <- s
	}
	close(work)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(segments)) {
		workers.Go(func() {
			w := c.newWorker()
			defer w.close()
			for s := range work {
				if ctx.Err() == nil {
					w.begin(&apex)
					s.made = w.run(s)
				}
				close(s.done)
			}
		})
	}
	names, occluded, nsec3 := radix.NewBuilder(c.trees), radix.NewBuilder(c.trees), radix.NewBuilder(c.trees)
	absorb := func(made *outcome) {
		names.Join(made.names)
		occluded.Join(made.occluded)
		nsec3.Join(made.nsec3)
	}
	absorb(whole)
	used := slices.SortedFunc(slices.Values(c.strands), func(x, y *strand) int { return bytes.Compare(x.last, y.last) })
	idle := 0 // bytes of strands that are used up
	for _, s := range segments {
		<-s.done
		if s.made == nil {
			continue
		}
		absorb(s.made)
		whole.absorb(&s.made.assembly)
		s.made = nil
		for len(used) > 0 && s.to != nil && bytes.Compare(used[0].last, s.to) < 0 {
			idle += len(used[0].data)
			used[0].data = nil // no later segment has anything of it
			used = used[1:]
		}
		if idle > collectAfter && idle > c.kept/4 {
			// There is nothing to look through, and what comes next can have the memory.
			runtime.GC()
			idle = 0
		}
	}
	workers.Wait()
	if ctx.Err() != nil {
		return nil
	}

	hashes := nsec3.Finish()
	whole.checkApex(start, hashes.Len() > 0)
	switch {
	case hashes.Len() > 0:
		whole.hashes.close(&whole.assembly)
	case whole.chain.count > 0:
		whole.chain.close(&whole.assembly)
	}
	z := whole.zone(c.trees, names.Finish(), occluded.Finish(), hashes, c.siblingTree(whole.assembly.siblings))
	if z != nil {
		z.pool = c.referrals.pool
	}
	return z
}

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
