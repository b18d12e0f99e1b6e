package stream

import (
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

// workspace is what handling queries takes. One goroutine has it at a time, and
// never while it waits for the network.
type workspace struct {
	in, out []byte
	query   *query.Worker
	req     query.Request
	traffic traffic
}

// workspaces are all that were ever made, and those that are free. The last one
// given back is the next to be used: its memory is the warmest. They are
// kept for good, because the counters in them are.
type workspaces struct {
	inBytes int

	mu   sync.Mutex // guards what follows
	all  []*workspace
	free []*workspace
}

func (p *workspaces) get() *workspace {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		w := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return w
	}
	w := &workspace{in: make([]byte, p.inBytes), out: make([]byte, writeBytes), query: query.NewWorker()}
	p.all = append(p.all, w)
	p.mu.Unlock()
	return w
}

func (p *workspaces) put(w *workspace) {
	p.mu.Lock()
	p.free = append(p.free, w)
	p.mu.Unlock()
}

func (p *workspaces) addTo(sum *Counters) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.all {
		w.traffic.addTo(sum)
	}
}
