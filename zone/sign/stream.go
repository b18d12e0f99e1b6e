package sign

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"
)

// Zone signs the zone origin, whose records are rrs in any order, and returns
// all records of the signed zone: owner names in canonical order (RFC 4034
// §6.1), the SOA record first, each RRset followed by its signatures. origin may
// be written with U-labels.
//
// rrs and its records are not changed, and records that stay as they are
// are shared with the result. On error the result is nil.
func Zone(ctx context.Context, origin string, rrs []dns.RR, opts Options) ([]dns.RR, error) {
	signed := make([]dns.RR, 0, len(rrs)+len(rrs)/2)
	for rr, err := range Stream(ctx, origin, rrs, opts) {
		if err != nil {
			return nil, err
		}
		signed = append(signed, rr)
	}
	return signed, nil
}

// Stream is [Zone] for zones whose signatures need not be in memory all at
// once. An error ends the sequence; what came before it is then of no use.
func Stream(ctx context.Context, origin string, rrs []dns.RR, opts Options) iter.Seq2[dns.RR, error] {
	return func(yield func(dns.RR, error) bool) {
		p, err := newPlan(ctx, origin, rrs, opts)
		if err == nil {
			err = p.run(ctx, yield)
		}
		if err != nil && err != errStopped {
			yield(nil, fmt.Errorf("sign %s: %w", origin, err))
		}
	}
}

// errStopped says that the consumer of a sequence wants no more.
var errStopped = fmt.Errorf("stopped")

// batchNames is how many owner names a worker takes at once: some milliseconds
// of work.
const batchNames = 128

// item is an owner name of the signed zone: a node or an NSEC3 record.
type item struct {
	node, hash int // an index, or -1
}

type batch struct {
	items []item
	out   []dns.RR
	err   error
	done  chan struct{} // closed by the worker
}

// run has the workers sign and yields what they made in order.
func (p *plan) run(ctx context.Context, yield func(dns.RR, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	inOrder := make(chan *batch, 4*p.opts.Workers)
	work := make(chan *batch)
	running.Go(func() {
		defer close(inOrder)
		defer close(work)
		for b := range p.batches() {
			for _, to := range []chan *batch{inOrder, work} {
				select {
				case to <- b:
				case <-ctx.Done():
					return
				}
			}
		}
	})
	for range p.opts.Workers {
		running.Go(func() {
			w := &worker{plan: p}
			for b := range work {
				b.out, b.err = w.batch(b.items)
				close(b.done)
			}
		})
	}

	done, total := 0, len(p.nodes)+len(p.hashes)
	for b := range inOrder {
		select {
		case <-b.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if b.err != nil {
			return b.err
		}
		for _, rr := range b.out {
			if !yield(rr, nil) {
				return errStopped
			}
		}
		done += len(b.items)
		if p.opts.Progress != nil {
			p.opts.Progress(done, total)
		}
	}
	return ctx.Err()
}

// batches merges the nodes and the NSEC3 records into canonical order.
func (p *plan) batches() iter.Seq[*batch] {
	return func(yield func(*batch) bool) {
		var items []item
		add := func(it item) bool {
			items = append(items, it)
			if len(items) < batchNames {
				return true
			}
			full := items
			items = nil
			return yield(&batch{items: full, done: make(chan struct{})})
		}
		hash, hashKey := 0, p.nsec3Key(0)
		for i, n := range p.nodes {
			for hash < len(p.hashes) && hashKey < p.entries[n.first].key {
				if !add(item{-1, hash}) {
					return
				}
				hash++
				hashKey = p.nsec3Key(hash)
			}
			if !add(item{i, -1}) {
				return
			}
		}
		for ; hash < len(p.hashes); hash++ {
			if !add(item{-1, hash}) {
				return
			}
		}
		if len(items) > 0 {
			yield(&batch{items: items, done: make(chan struct{})})
		}
	}
}

// nsec3Key is the key of the owner of the NSEC3 at index i, for ordering.
func (p *plan) nsec3Key(i int) string {
	if i >= len(p.hashes) {
		return ""
	}
	return nsec3Label(p.hashes[i].hash) + "\x00"
}

// batch returns the records of some owner names, signed.
func (w *worker) batch(items []item) (out []dns.RR, err error) {
	out = make([]dns.RR, 0, 4*len(items))
	for _, it := range items {
		if it.node >= 0 {
			out, err = w.node(out, it.node)
		} else {
			out, err = w.rrset(out, []entry{{rr: w.plan.nsec3(it.hash)}}, true)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// node appends all records of a name, in the order of their types.
func (w *worker) node(dst []dns.RR, i int) (_ []dns.RR, err error) {
	p := w.plan
	n := p.nodes[i]
	for first := n.first; first < n.last; {
		rrtype := p.entries[first].rr.Header().Rrtype
		last := first + 1
		for last < n.last && p.entries[last].rr.Header().Rrtype == rrtype {
			last++
		}
		if dst, err = w.rrset(dst, p.entries[first:last], n.signed(rrtype)); err != nil {
			return dst, err
		}
		first = last
	}
	if p.opts.Denial == NSEC && p.chained(n) {
		return w.rrset(dst, []entry{{rr: p.nsec(i)}}, true)
	}
	return dst, nil
}

// parallel calls do for parts of [0, n) at the same time and returns the
// first error.
func parallel(ctx context.Context, n, workers int, do func(from, to int) error) error {
	const part = 8192
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for from := 0; from < n && inner.Err() == nil; from += part {
		group.Go(func() error { return do(from, min(from+part, n)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}
