package doh

import (
	"runtime"
	"sync"
	"sync/atomic"

	"yushan/server/doh/exchange"
	"yushan/server/query"
	"yushan/server/stream"
)

// desk is what answering one request takes, where server/stream doesn't lend it.
type desk struct {
	work   stream.Work
	buffer []byte
}

// pool lends desks to the goroutines of net/http and http3. There are about as
// many as cores: nobody waits for a client while it has one. Who finds none waits
// for its turn.
type pool struct {
	engine *atomic.Pointer[query.Engine]
	desks  chan *desk

	mu  sync.Mutex // guards all
	all []*desk
}

func newPool(engine *atomic.Pointer[query.Engine]) *pool {
	p := &pool{engine: engine, desks: make(chan *desk, max(4, 2*runtime.GOMAXPROCS(0)))}
	for range cap(p.desks) {
		p.desks <- nil // made when it is needed
	}
	return p
}

func (p *pool) lend() *desk {
	d := <-p.desks
	if d == nil {
		d = &desk{buffer: make([]byte, exchange.MaxBody)}
		d.work.Worker = query.NewWorker()
		p.mu.Lock()
		p.all = append(p.all, d)
		p.mu.Unlock()
	}
	d.work.Engine = p.engine.Load()
	return d
}

func (p *pool) takeBack(d *desk) {
	d.work.Engine, d.work.Req = nil, query.Request{} // not to keep zones that have left service
	d.work.Worker.Publish()
	p.desks <- d
}

// replace is for a desk whose engine has panicked: nobody knows in which state its
// worker is. Its counts are kept.
func (p *pool) replace(d *desk) {
	fresh := query.NewWorker()
	*fresh.Counters() = *d.work.Worker.Counters()
	p.mu.Lock()
	d.work.Worker = fresh
	p.mu.Unlock()
	p.takeBack(d)
}

// counters sums up what the engine counts.
func (p *pool) counters() (sum query.Counters) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.all {
		sum.Add(d.work.Worker.Published())
	}
	return sum
}
