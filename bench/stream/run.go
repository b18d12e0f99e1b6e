package stream

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"yushan/bench/load"
	"yushan/bench/query"
)

// Bounds of how often a worker looks for what has taken too long.
const (
	minTick = time.Millisecond
	maxTick = 10 * time.Millisecond
)

// maxTaken is how many queries are taken from the schedule before the worker looks
// again at what has come.
const maxTaken = 1024

// Run sends the queries of one worker and returns when all have their end. Its
// connections are opened at once, even if Began is still to come. An error says that
// nothing could be sent: a source that the system does not have, or no sockets. What
// goes wrong with single connections is recorded.
func Run(ctx context.Context, work *load.Work) error {
	w, err := newWorker(work)
	if err != nil {
		return err
	}
	defer w.poller.close()
	stop := context.AfterFunc(ctx, w.poller.wake)
	defer stop()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer sharpTimers()()
	err = w.loop(ctx)
	w.closeAll()
	// A handshake posts its end, which needs the poller.
	w.handshakes.Wait()
	w.openings()
	w.closeSockets()
	w.settleAll()
	return err
}

// worker is a thread that sends and receives. Unless it is said otherwise, its fields
// belong to the goroutine of Run.
type worker struct {
	*load.Work
	timeout int64
	depth   int
	// single is a connection for each query.
	single  bool
	closed  bool // loop: the next query is due when a place is free
	server  unix.Sockaddr
	sources *sources
	newCode func(*place) codec
	random  *rand.Rand

	poller     *poller
	handshakes sync.WaitGroup
	mail       mail

	places  []*place
	ready   ring[*place] // those that can take a query
	dirty   []*place     // those that have something to write
	waiting ring[flight] // queries without a place
	open    int          // queries that have no end yet
	more    bool         // the schedule goes on
	now     int64        // of this turn, or of the last reading

	nextTick int64
	tick     int64
	batch    batch
	received []byte // what a read has brought
	plain    []byte // the same without TLS
	scratch  [query.MaxBytes]byte
}

// flight is a query from when it is taken to its end.
type flight struct {
	due, taken int64
	sent       int64
	nonce      uint64
	index      uint32
	class      uint8
	again      bool // it has been sent before, to a server that refused to look at it
}

const (
	receiveBytes = 256 << 10
	plainBytes   = 64 << 10
)

func newWorker(work *load.Work) (*worker, error) {
	o := work.Options
	w := &worker{
		Work:     work,
		timeout:  int64(o.Timeout),
		depth:    min(o.Depth, maxDepth),
		single:   o.Handshake != load.Persistent,
		closed:   work.Schedule.Closed(),
		newCode:  codecs[o.Transport],
		random:   rand.New(rand.NewPCG(rand.Uint64(), uint64(work.Worker))),
		tick:     int64(min(max(o.Timeout/100, minTick), maxTick)),
		received: make([]byte, receiveBytes),
		plain:    make([]byte, plainBytes),
	}
	if w.single || o.Transport == load.DoH1 {
		w.depth = 1
	}
	zone, err := load.ZoneNumber(o.Server.Addr())
	if err != nil {
		return nil, err
	}
	w.server = sockaddr(o.Server, zone)
	if w.sources, err = newSources(o.Sources, work.Worker, work.Workers); err != nil {
		return nil, err
	}
	if w.poller, err = newPoller(); err != nil {
		return nil, err
	}
	for i := range o.Clients {
		w.places = append(w.places, newPlace(w, i))
	}
	return w, nil
}

// tlsConfig returns the configuration of one client.
func (w *worker) tlsConfig() *tls.Config {
	if !w.Options.Transport.Encrypted() {
		return nil
	}
	config := w.Options.TLS.Clone()
	config.NextProtos = protocols[w.Options.Transport]
	config.DynamicRecordSizingDisabled = true // what is written together is one record
	config.ClientSessionCache = nil
	if w.Options.Handshake == load.Resumed {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	return config
}

// loop goes on until nothing is left to do, or it is told to end.
func (w *worker) loop(ctx context.Context) error {
	events := make([]unix.EpollEvent, 128)
	w.now = w.Now() // before 0, if the run has not begun
	w.nextTick = w.now
	w.more = true
	for _, p := range w.places {
		p.retryAt = w.now
		if w.single {
			w.offer(p)
		} else {
			p.connect()
		}
	}
	for {
		w.more = w.take()
		w.assign()
		w.write()
		if w.now >= w.nextTick {
			w.sweep()
			w.write()
		}
		w.expire()
		w.batch.record(w.Recorder)
		if ctx.Err() != nil || !w.more && w.open == 0 {
			return nil
		}
		n, err := w.poller.wait(events, w.pause())
		if err != nil {
			return err
		}
		w.now = w.Now()
		for i := range events[:n] {
			w.handle(&events[i])
		}
		w.openings()
	}
}

// take takes what is due. In a closed loop nothing is due until there is a place for
// it. more tells whether there will be more.
func (w *worker) take() (more bool) {
	w.now = w.Now()
	for range maxTaken {
		due, more := w.Schedule.Peek()
		switch {
		case !more || w.Stop.Load():
			if w.Stop.Load() {
				w.giveUpWaiting()
			}
			return false
		case w.closed:
			if w.now >= w.Schedule.End() {
				return false
			}
			if w.open >= w.Options.Concurrency || w.waiting.len() > 0 || !w.place() {
				return true
			}
			due = w.now
		case due > w.now:
			return true
		}
		w.Schedule.Take()
		index := w.Cursor.Next()
		w.waiting.pushBack(flight{
			due: due, taken: w.now,
			nonce: w.random.Uint64(), index: index, class: w.Queries.Class(index),
		})
		w.open++
		if w.closed {
			// Each takes a place, and whether there is another is seen then.
			w.assign()
		}
	}
	return true
}

// assign gives waiting queries to places, one each by turns.
func (w *worker) assign() {
	for w.waiting.len() > 0 && w.ready.len() > 0 {
		p := w.ready.popFront()
		p.offered = false
		if !p.free() {
			continue
		}
		f := w.waiting.popFront()
		if w.single {
			p.begin(f)
			continue
		}
		p.ask(f)
		w.offer(p)
	}
}

// place tells whether a query would find a place now.
func (w *worker) place() bool {
	for w.ready.len() > 0 {
		p := *w.ready.front()
		if p.free() {
			return true
		}
		p.offered = false
		w.ready.popFront()
	}
	return false
}

// offer puts a place among those that can take a query, if it can.
func (w *worker) offer(p *place) {
	if !p.offered && p.free() {
		p.offered = true
		w.ready.pushBack(p)
	}
}

// touch makes sure that a place's output is written in this turn.
func (w *worker) touch(p *place) {
	if !p.dirty {
		p.dirty = true
		w.dirty = append(w.dirty, p)
	}
}

// write writes what the places have.
func (w *worker) write() {
	for _, p := range w.dirty {
		p.dirty = false
		p.flush()
	}
	w.dirty = w.dirty[:0]
}

// pause is how long nothing has to be done unless something comes.
func (w *worker) pause() time.Duration {
	until := w.nextTick
	if w.more && !w.closed {
		if due, _ := w.Schedule.Peek(); due < until {
			until = due
		}
	}
	if len(w.dirty) > 0 || w.waiting.len() > 0 && w.ready.len() > 0 {
		return 0
	}
	return time.Duration(max(until-w.Now(), 0))
}

// handle is called for a socket that can be read or written.
func (w *worker) handle(event *unix.EpollEvent) {
	if event.Fd == wakeUp {
		w.poller.woken()
		return
	}
	p := w.places[event.Fd]
	if p.generation != event.Pad {
		return // of a connection that has ended since
	}
	p.handle(event.Events)
}

// sweep looks for what has taken too long, and for connections to be opened again.
func (w *worker) sweep() {
	w.nextTick = w.now + w.tick
	for _, p := range w.places {
		p.sweep()
	}
}

// expire gives up queries that have found no place in their time.
func (w *worker) expire() {
	for w.waiting.len() > 0 && w.waiting.front().due+w.timeout <= w.now {
		w.miss(w.waiting.popFront())
	}
}

func (w *worker) giveUpWaiting() {
	for w.waiting.len() > 0 {
		w.miss(w.waiting.popFront())
	}
}

// miss ends a query that has not been sent, or not to a server that would look at it.
func (w *worker) miss(f flight) {
	w.open--
	if f.again {
		w.batch.lose(f.class, f.due)
	} else {
		w.batch.miss(f.class, f.due)
	}
}

// closeAll ends what is under way.
func (w *worker) closeAll() {
	for _, p := range w.places {
		p.abandon()
	}
	w.giveUpWaiting()
}

func (w *worker) closeSockets() {
	for _, p := range w.places {
		p.close()
	}
}

// settleAll records what the end has brought.
func (w *worker) settleAll() { w.batch.record(w.Recorder) }
