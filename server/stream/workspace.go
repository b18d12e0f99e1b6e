package stream

import (
	"reflect"
	"runtime"
	"sync"

	"yushan/server/query"
)

const (
	maxMessageBytes = 65535 // RFC 1035 §4.2.2: what a length of two bytes can say
	maxAnswerFrame  = 2 + maxMessageBytes
	// readBytes is how much is read at once: some hundred queries.
	readBytes = 16 << 10
	// writeBytes is how much is written at once: answers are collected up to here,
	// as long as one more of the greatest length still fits.
	writeBytes = 2 * maxAnswerFrame
)

// workspace is what handling queries takes. One goroutine has it at a time.
type workspace struct {
	in, out []byte
	query   *query.Worker
	req     query.Request
	tally   tally
	traffic traffic
	slot    int // in workspaces.all, whose mutex guards it
}

// workspaces lends workspaces to connections, and keeps account of all memory
// that clients can make the server hold. Two sorts of connections borrow:
//
//   - a *net.TCPConn (the runners) never waits for the network meanwhile: it
//     comes back soon, and what its client doesn't take is copied out and
//     accounted for byte by byte (pend);
//   - any other net.Conn (the holders) may have to, so that its client decides
//     when the workspace comes back.
//
// Of both there may be a few at once (spare) that nobody accounts for: as many as
// the machine's cores can be busy with. More runners wait for their turn. Each
// further holder counts with all that it holds (eachBytes). The invariant is
//
//	pending + max(0, held-spare)·eachBytes ≤ maxPending
//
// Where one more holder would break it, it waits, and those that have held their
// workspace for longest are cut off, as many as wait, but none before it has had
// grace for its write.
//
// The workspace given back last is lent next: its memory is the warmest. At most
// spare are kept.
type workspaces struct {
	inBytes    int
	eachBytes  int
	spare      int
	maxPending int

	mu            sync.Mutex // guards what follows, and the list's links in conn
	all           []*workspace
	free          []*workspace
	running, held int       // lent
	pending       int       // bytes that runners' clients don't take
	runnable      sync.Cond // running has shrunk
	holdable      sync.Cond // held or pending has
	past          Counters  // what those counted that are let go
	holders       holders
}

func (p *workspaces) init(limits Limits) {
	p.inBytes = max(readBytes, 2+limits.MaxFrameBytes)
	// A holder may keep as much again of what it has read, for later (conn.rest).
	p.eachBytes = 2*p.inBytes + writeBytes + int(reflect.TypeFor[query.Worker]().Size())
	p.spare = max(16, 4*runtime.GOMAXPROCS(0))
	p.maxPending = limits.MaxPendingBytes
	p.runnable.L, p.holdable.L = &p.mu, &p.mu
}

// lend gives c a workspace, and waits for one if too many are lent.
func (p *workspaces) lend(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.raw != nil {
		for p.running >= p.spare {
			p.runnable.Wait()
		}
		p.running++
	} else {
		for p.held >= p.spare+(p.maxPending-p.pending)/p.eachBytes {
			p.holders.waiting++
			p.cutRipe()
			p.holdable.Wait() // who wakes it has changed waiting
		}
		p.held++
		p.holders.add(c)
	}
	if n := len(p.free); n > 0 {
		c.work = p.free[n-1]
		p.free[n-1] = nil
		p.free = p.free[:n-1]
		return
	}
	c.work = &workspace{in: make([]byte, p.inBytes), out: make([]byte, writeBytes), query: query.NewWorker(), slot: len(p.all)}
	p.all = append(p.all, c.work)
}

// takeBack takes c's workspace.
func (p *workspaces) takeBack(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.raw != nil {
		p.running--
		p.runnable.Signal()
	} else {
		p.held--
		if c.listed {
			p.holders.remove(c)
		} else {
			p.holders.cutting--
		}
		if p.holders.waiting > 0 {
			p.holders.waiting--
			p.holdable.Signal()
		}
	}
	w := c.work
	c.work = nil
	if len(p.free) < p.spare {
		p.free = append(p.free, w)
		return
	}
	w.traffic.addTo(&p.past)
	last := p.all[len(p.all)-1]
	last.slot = w.slot
	p.all[w.slot] = last
	p.all[len(p.all)-1] = nil
	p.all = p.all[:len(p.all)-1]
}

// pend accounts for bytes that a runner's client doesn't take. It reports false if
// that would be too much memory.
func (p *workspaces) pend(bytes int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pendingBytes()+bytes > p.maxPending {
		return false
	}
	p.pending += bytes
	return true
}

// unpend ends that.
func (p *workspaces) unpend(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending -= bytes
	p.holders.waiting = 0
	p.holdable.Broadcast()
}

// pendingBytes is all memory that is accounted for. The mutex is held.
func (p *workspaces) pendingBytes() int {
	return p.pending + max(0, p.held-p.spare)*p.eachBytes
}

// counters are those of pending bytes, and of traffic: in workspaces that exist and
// in those that don't any more.
func (p *workspaces) counters() Counters {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.past
	sum.PendingBytes = p.pendingBytes()
	for _, w := range p.all {
		w.traffic.addTo(&sum)
	}
	return sum
}
