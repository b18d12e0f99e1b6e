package stream

import (
	"runtime"
	"sync"
	"sync/atomic"

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
	// sealedBytes is how much is collected of TLS records: a few of the longest, or
	// many that a session wants to be separate.
	sealedBytes = 64 << 10
)

// workspace is what handling bytes takes. One goroutine has it at a time.
type workspace struct {
	Work
	in, out []byte
	// Of TLS: what is read before it is opened into in, and what is collected for one
	// write after it was sealed.
	sealedIn, sealedOut []byte

	before  int           // what left was when batches was counted
	batches atomic.Uint64 // written by who holds it, read by anyone
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
	inBytes                       int
	sealedInBytes, sealedOutBytes int
	spare                         int
	maxPending                    int

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
		p.sealedInBytes, p.sealedOutBytes = readBytes, sealedBytes
		p.inBytes = keepBytes + maxRecordBytes + readBytes
	}
	p.spare = max(16, 4*runtime.GOMAXPROCS(0))
	p.maxPending = maxPending
	p.returned.L = &p.mu
}

// publish lets others see what was counted, and counts a batch if it was of
// queries.
func (w *workspace) publish() {
	if w.left != w.before {
		w.before = w.left
		w.batches.Add(1)
		w.Worker.Publish()
	}
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
	w := &workspace{
		Work:      Work{Worker: query.NewWorker()},
		in:        make([]byte, p.inBytes),
		out:       make([]byte, writeBytes),
		sealedIn:  make([]byte, p.sealedInBytes),
		sealedOut: make([]byte, p.sealedOutBytes),
	}
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

// renew makes another worker for one that has panicked: nobody knows in which state
// it is.
func (p *workspaces) renew(w *Work) {
	fresh := query.NewWorker()
	*fresh.Counters() = *w.Worker.Counters()
	fresh.Publish()
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Worker = fresh
}

// counters are those of pending bytes, batches and the engine.
func (p *workspaces) counters() (sum Counters) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum.PendingBytes = p.pending
	for _, w := range p.all {
		sum.Batches += w.batches.Load()
		sum.Engine.Add(w.Worker.Published())
	}
	return sum
}
