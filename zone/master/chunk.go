package master

import (
	"bytes"
	"context"
	"sync/atomic"
)

// A block is a piece of a file in memory. Chunks are slices of it.
type block struct {
	buf  []byte
	refs atomic.Int32 // chunks and the splitter
	pool *blockPool
}

func (b *block) release() {
	if b.refs.Add(-1) == 0 {
		b.pool.put(b)
	}
}

// A blockPool keeps blocks of the usual size for reuse.
type blockPool struct {
	size int
	free chan *block
}

// get returns a block of at least n bytes.
func (p *blockPool) get(n int) *block {
	var b *block
	if n <= p.size {
		select {
		case b = <-p.free:
		default:
		}
		n = p.size
	}
	if b == nil {
		b = &block{buf: make([]byte, n), pool: p}
	}
	b.refs.Store(1)
	return b
}

func (p *blockPool) put(b *block) {
	if len(b.buf) != p.size {
		return
	}
	select {
	case p.free <- b:
	default:
	}
}

// A chunk is what a worker parses at once: a run of whole records, a part of a
// $GENERATE, or just errors that the splitter found.
type chunk struct {
	seq      int
	block    *block
	text     []byte
	generate *generate // if not nil, text is the $GENERATE's template
	file     uint16
	fileName string
	line     uint32 // of the start of text
	scope    scope
	errs     []*Error
	before   *chunk // what came before it in the file; nil at the start

	// What the chunk leaves to the one behind it, valid once done is closed.
	done      chan struct{}
	lastOwner []byte // nil if it states none
	lastTTL   uint32
	hasTTL    bool
}

// owner returns the last owner stated up to the end of c, or nil. It waits for
// c, whose work began earlier and never waits for a later chunk.
func (c *chunk) owner(ctx context.Context) []byte {
	for ; c != nil && c.wait(ctx); c = c.before {
		if c.lastOwner != nil {
			return c.lastOwner
		}
	}
	return nil
}

// ttl returns the last TTL that a record states up to the end of c.
func (c *chunk) ttl(ctx context.Context) (uint32, bool) {
	for ; c != nil && c.wait(ctx); c = c.before {
		if c.hasTTL {
			return c.lastTTL, true
		}
	}
	return 0, false
}

func (c *chunk) wait(ctx context.Context) bool {
	select {
	case <-c.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// work parses a chunk and delivers its records.
func (p *parser) work(c *chunk) {
	p.errs = c.errs
	p.start(c, c.text, c.line)
	if p.r.ctx.Err() == nil {
		if c.generate != nil {
			p.expand(c.generate)
		} else {
			p.parse()
		}
	}
	if p.owner != nil && c.generate == nil {
		c.lastOwner = bytes.Clone(p.owner)
	}
	if p.hasLast && c.generate == nil {
		c.lastTTL, c.hasTTL = p.lastTTL, true
	}
	if c.lastOwner != nil && (c.hasTTL || p.scope.hasTTL) {
		c.before = nil // nobody needs to look further back
	}
	close(c.done)
	p.r.report(c.seq, p.errs)
	if p.r.ctx.Err() == nil {
		p.r.deliver(&Batch{Seq: c.seq, Records: p.records})
		p.r.records.Add(int64(len(p.records)))
		if c.generate == nil {
			p.r.progress(len(c.text))
		}
	}
	p.reuse()
	if c.block != nil {
		c.block.release()
	}
	c.text, c.block, c.errs = nil, nil, nil
}
