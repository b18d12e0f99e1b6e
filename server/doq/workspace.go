package doq

import (
	"runtime"
	"sync/atomic"

	"yushan/server/query"
)

// workspace is the memory that the work on one query needs.
type workspace struct {
	query atomic.Pointer[query.Worker]
	req   query.Request
	in    []byte // a query, its length, and a byte too much
	out   []byte // an answer and its length

	// Who holds the workspace writes them, once a query; anyone may read them.
	queries, unanswered, panics, tooEarly, bytesIn, bytesOut atomic.Uint64

	_ [64]byte // the next one's counters lie in other cache lines
}

// workspaces lends a fixed number of them. Nobody waits for more than atOnce, or a processor,
// while he has one.
type workspaces struct {
	all   []*workspace
	slots []slot
}

type slot struct {
	free atomic.Pointer[workspace]
	_    [56]byte
}

func (p *workspaces) init(maxQueryBytes int) {
	n := 4 * runtime.GOMAXPROCS(0)
	p.slots = make([]slot, n)
	for i := range n {
		w := &workspace{
			req: query.Request{Transport: query.DoQ},
			in:  make([]byte, lengthBytes+maxQueryBytes+1),
			out: make([]byte, lengthBytes+maxMessageBytes),
		}
		w.query.Store(query.NewWorker())
		p.all = append(p.all, w)
		p.slots[i].free.Store(w)
	}
}

// take finds a free workspace, near to where hint says.
func (p *workspaces) take(hint int) *workspace {
	for {
		for i := range p.slots {
			at := (hint + i) % len(p.slots)
			if p.slots[at].free.Load() == nil {
				continue
			}
			if w := p.slots[at].free.Swap(nil); w != nil {
				return w
			}
		}
		runtime.Gosched() // those who have one are ready to run, or are soon
	}
}

func (p *workspaces) giveBack(hint int, w *workspace) {
	w.query.Load().Publish()
	for {
		for i := range p.slots {
			if p.slots[(hint+i)%len(p.slots)].free.CompareAndSwap(nil, w) {
				return
			}
		}
	}
}

// renew makes another worker after the engine failed: nobody knows in which state
// the old one is.
func (w *workspace) renew() {
	fresh := query.NewWorker()
	*fresh.Counters() = *w.query.Load().Counters()
	fresh.Publish()
	w.query.Store(fresh)
}
