package tldzone

import (
	"context"
	"runtime"
	"sync"

	"github.com/miekg/dns"
)

// chunkSize is how many delegations are made in one piece, which are some hundreds of KiB.
const chunkSize = 2048

// chunk is the delegations from one index to another.
type chunk struct {
	from, to int
	text     []byte   // their lines
	signable []dns.RR // what a signer has to know of them, if asked for
	done     chan struct{}
}

// chunks makes all delegations, by as many goroutines as there are processors, and gives them to
// take in order. signable chunks have the records for a signer. It ends with the first error.
func (z *Zone) chunks(ctx context.Context, signable func(secure bool) bool, take func(*chunk) error) error {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	inOrder, work := make(chan *chunk, 2*workers), make(chan *chunk)
	free := make(chan *chunk, 4*workers) // buffers to be used again
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		defer close(inOrder)
		defer close(work)
		for from := 0; from < z.Delegations; from += chunkSize {
			var c *chunk
			select {
			case c = <-free:
			default:
				c = new(chunk)
			}
			c.from, c.to, c.done = from, min(from+chunkSize, z.Delegations), make(chan struct{})
			for _, to := range []chan *chunk{inOrder, work} {
				select {
				case to <- c:
				case <-ctx.Done():
					return
				}
			}
		}
	})
	for range workers {
		running.Go(func() {
			for c := range work {
				c.make(z, signable)
				close(c.done)
			}
		})
	}
	for c := range inOrder {
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := take(c); err != nil {
			return err
		}
		select {
		case free <- c:
		default:
		}
	}
	return ctx.Err()
}

// make fills the chunk.
func (c *chunk) make(z *Zone, signable func(secure bool) bool) {
	c.text, c.signable = c.text[:0], nil
	var name [128]byte
	for i := c.from; i < c.to; i++ {
		owner := z.appendName(name[:0], i)
		c.text = z.appendServers(c.text, i, owner)
		digests := z.digests(i)
		for k := range digests {
			c.text = digests[k].append(c.text, owner)
		}
		if signable != nil && signable(digests != nil) {
			c.signable = z.appendSignable(c.signable, string(owner), digests)
		}
	}
}
