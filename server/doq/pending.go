package doq

import (
	"container/list"
	"sync"
)

// pending is the long answers that clients have yet to take.
type pending struct {
	mu    sync.Mutex // guards what follows
	bytes int
	order list.List // of *pendingAnswer, the oldest first
}

type pendingAnswer struct {
	conn *conn
	size int
	cut  bool // its connection is being closed
}

// add accounts for an answer. If all of them are too much, it returns the
// connections that have kept theirs for longest, and which must be closed.
func (p *pending) add(c *conn, size, limit int) (at *list.Element, victims []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at = p.order.PushBack(&pendingAnswer{conn: c, size: size})
	p.bytes += size
	excess := p.bytes - limit
	for e := p.order.Front(); e != nil && excess > 0; e = e.Next() {
		answer := e.Value.(*pendingAnswer)
		excess -= answer.size
		if !answer.cut {
			answer.cut = true
			victims = append(victims, answer.conn)
		}
	}
	return at, victims
}

func (p *pending) remove(at *list.Element) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes -= p.order.Remove(at).(*pendingAnswer).size
}

func (p *pending) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}
