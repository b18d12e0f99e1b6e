package stream

import (
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

// workspace is what handling bytes takes. One goroutine has it at a time.
type workspace struct {
	Work
	in, out []byte
	sealed  []byte // of TLS; what is read before it is opened into in
	traffic traffic
	slot    int // in workspaces.all, whose mutex guards it
}

// workspaces lends workspaces to connections, and keeps account of all memory
// that clients can make the server hold.
//
// Who has borrowed one never waits for the network: it comes back soon, and what a
// client doesn't take is copied out and accounted for byte by byte (pend). There
// are as many as the machine's cores can be busy with (spare); who wants one more
// waits for its turn. The one given back last is lent next: its memory is the
// warmest.
type workspaces struct {
	inBytes, sealedBytes int
	spare                int
	maxPending           int

	mu       sync.Mutex // guards what follows
	all      []*workspace
	free     []*workspace
	lent     int
	pending  int       // bytes that are kept for clients
	returned sync.Cond // lent has shrunk
}

// init prepares for connections that keep at most keepBytes between two reads.
func (p *workspaces) init(keepBytes, maxPending int, secure bool) {
	p.inBytes = max(readBytes, keepBytes)
	if secure {
		// What a read completes is a record of which most was there before, and then
		// as much as was read.
		p.sealedBytes = readBytes
		p.inBytes = keepBytes + maxRecordBytes + readBytes
	}
	p.spare = max(16, 4*runtime.GOMAXPROCS(0))
	p.maxPending = maxPending
	p.returned.L = &p.mu
}

// lend waits for a workspace if too many are lent.
func (p *workspaces) lend() *workspace {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.lent >= p.spare {
		p.returned.Wait()
	}
	p.lent++
	if n := len(p.free); n > 0 {
		w := p.free[n-1]
		p.free[n-1] = nil
		p.free = p.free[:n-1]
		return w
	}
	w := &workspace{in: make([]byte, p.inBytes), out: make([]byte, writeBytes), sealed: make([]byte, p.sealedBytes), slot: len(p.all)}
	w.Worker = query.NewWorker()
	p.all = append(p.all, w)
	return w
}

func (p *workspaces) takeBack(w *workspace) {
	w.Engine, w.Req = nil, query.Request{} // not to keep zones that have left service
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lent--
	p.returned.Signal()
	p.free = append(p.free, w)
}

// pend accounts for bytes that are kept for a client. It reports false if that
// would be too much memory.
func (p *workspaces) pend(bytes int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending+bytes > p.maxPending {
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
}

// counters are those of pending bytes and of traffic.
func (p *workspaces) counters() (sum Counters) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum.PendingBytes = p.pending
	for _, w := range p.all {
		w.traffic.addTo(&sum)
	}
	return sum
}
