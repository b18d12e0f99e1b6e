package stream

import "time"

// grace is much more than a write takes that needn't wait for the client.
const grace = 10 * time.Millisecond

// holders are the connections that hold a workspace and aren't *net.TCPConns, in
// the order in which they got it, without those that are cut off. The mutex of
// workspaces guards them.
type holders struct {
	oldest, newest *conn
	waiting        int // connections that wait to be holders
	cutting        int // holders that are cut off, but have yet to give back

	// A holder is marked with the round in which it began. A round begins when the
	// timer is set; those that began before have had grace when it goes off: they
	// are marked with less than ripe.
	round, ripe uint64
	timer       *time.Timer
	timing      bool
}

// cutRipe ends as many connections that have held their workspaces for longest
// as others wait for. If too few have had grace yet, it comes back later.
func (p *workspaces) cutRipe() {
	h := &p.holders
	for h.cutting < h.waiting && h.oldest != nil && h.oldest.round < h.ripe {
		c := h.oldest
		h.remove(c)
		h.cutting++
		c.cutOff()
	}
	if h.cutting >= h.waiting || h.timing {
		return
	}
	h.round++
	h.timing = true
	if h.timer == nil {
		h.timer = time.AfterFunc(grace, p.ripen)
	} else {
		h.timer.Reset(grace)
	}
}

// ripen is what the timer does.
func (p *workspaces) ripen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holders.timing = false
	p.holders.ripe = p.holders.round
	p.cutRipe()
}

func (h *holders) add(c *conn) {
	c.older, c.newer, c.listed, c.round = h.newest, nil, true, h.round
	if h.newest != nil {
		h.newest.newer = c
	} else {
		h.oldest = c
	}
	h.newest = c
}

func (h *holders) remove(c *conn) {
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		h.oldest = c.newer
	}
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		h.newest = c.older
	}
	c.older, c.newer, c.listed = nil, nil, false
}
