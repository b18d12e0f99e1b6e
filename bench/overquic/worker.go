package overquic

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/bench/load"
	"yushan/bench/measure"
	"yushan/bench/pace"
)

// tick is how often the pacer looks for queries to give up, and whether to end.
const tick = 10 * time.Millisecond

// worker carries out one Work.
type worker struct {
	*load.Work
	ctx     context.Context // of the run; what fails after its end does so for that reason
	codec   codec
	tls     *tls.Config
	quic    *quic.Config
	server  *net.UDPAddr
	timeout int64 // ns
	timer   *pace.Timer
	// tasks are all goroutines but the pacer, which is Run's caller.
	tasks sync.WaitGroup

	mu       sync.Mutex // guards what follows, and what says so elsewhere
	ready    ring       // clients that seem to have a free place
	places   []*place   // that have a goroutine; only appended to
	returned []task     // taken, but to be sent again
	underway int        // queries that places have
	nonces   uint64     // queries taken
	// fullSince is since when a query has been due for which there was no place; -1:
	// there is none.
	fullSince int64
	ended     bool // nothing more is taken
	connected bool // there has been a session
	failed    bool // to connect
}

// Run sends the queries of one worker, on doq or doh3, and returns when each of them
// has its end. It fails if it can make no sockets.
func Run(ctx context.Context, work *load.Work) error {
	timer, err := pace.NewTimer()
	if err != nil {
		return err
	}
	defer timer.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := newWorker(ctx, work, timer)
	clients, err := w.clients()
	if err != nil {
		return err
	}
	for _, c := range clients {
		c.start()
	}
	err = w.pace()
	cancel()
	w.mu.Lock()
	w.end(w.Now())
	for _, p := range w.places {
		close(p.wake)
	}
	w.mu.Unlock()
	w.tasks.Wait()
	for _, c := range clients {
		c.socket.close()
	}
	if work.Options.Handshake == load.Persistent && !w.connected && !w.failed { // it has been tried to the end
		work.Recorder.Lock()
		work.Recorder.Failed(errHandshake)
		work.Recorder.Unlock()
	}
	return err
}

func newWorker(ctx context.Context, work *load.Work, timer *pace.Timer) *worker {
	o := work.Options
	w := &worker{
		Work:      work,
		ctx:       ctx,
		codec:     newCodec(o),
		server:    net.UDPAddrFromAddrPort(o.Server),
		timeout:   int64(o.Timeout),
		timer:     timer,
		fullSince: -1,
		quic: &quic.Config{
			HandshakeIdleTimeout:    o.Timeout,
			MaxIdleTimeout:          max(30*time.Second, 2*o.Timeout),
			MaxIncomingStreams:      -1,
			MaxIncomingUniStreams:   serverStreams,
			DisablePathMTUDiscovery: true, // no message fills a packet
		},
		tls: o.TLS.Clone(),
	}
	w.tls.NextProtos = []string{w.codec.alpn()}
	w.tls.MinVersion = tls.VersionTLS13
	w.tls.ClientSessionCache = nil
	if w.tls.ServerName == "" {
		w.tls.ServerName = o.Server.Addr().String() // names the sessions; an address isn't sent
	}
	w.ready = newRing(o.Clients)
	return w
}

// pace gives out queries when they are due, until all have their end.
func (w *worker) pace() error {
	var swept int64
	for {
		w.mu.Lock()
		now := w.Now()
		if w.Stop.Load() || w.ctx.Err() != nil {
			w.end(now)
		}
		w.dispatch(nil)
		wait, more := w.next()
		w.mu.Unlock()
		if !more || w.ctx.Err() != nil {
			return nil
		}
		if now-swept >= int64(tick) {
			swept = now
			w.sweep(now)
		}
		if err := w.timer.Wait(wait); err != nil {
			return err
		}
	}
}

// next tells how long the pacer has nothing to do, and whether it ever will. The
// lock must be held.
func (w *worker) next() (wait time.Duration, more bool) {
	if w.exhausted() {
		return 0, w.underway > 0 || len(w.returned) > 0
	}
	if w.fullSince >= 0 || w.Schedule.Closed() {
		return tick, true
	}
	due, _ := w.Schedule.Peek()
	return min(max(time.Duration(due-w.Now()), time.Microsecond), tick), true
}

// exhausted tells whether the schedule has nothing more. The lock must be held.
func (w *worker) exhausted() bool {
	if w.ended {
		return true
	}
	_, more := w.Schedule.Peek()
	return !more || w.Schedule.Closed() && w.Now() >= w.Schedule.End()
}

// sweep gives up the queries whose time is over.
func (w *worker) sweep(now int64) {
	w.mu.Lock()
	places := w.places
	w.mu.Unlock()
	for _, p := range places {
		p.giveUp(now)
	}
}

// fail counts an attempt to connect, unless it was the end of the run that ended it.
func (w *worker) fail(err error) {
	if w.ctx.Err() != nil {
		return
	}
	if errors.As(err, new(*quic.IdleTimeoutError)) {
		err = errHandshake
	}
	w.mu.Lock()
	w.failed = true
	w.mu.Unlock()
	w.Recorder.Lock()
	w.Recorder.Failed(plain(err))
	w.Recorder.Unlock()
}

// broken counts a connection that has ended with queries under way, unless the run's
// end has ended it.
func (w *worker) broken(err error) {
	if w.ctx.Err() != nil {
		return
	}
	w.Recorder.Lock()
	w.Recorder.Broken(plain(err))
	w.Recorder.Unlock()
}

// fault counts something that went wrong.
func (w *worker) fault(err error) {
	w.Recorder.Lock()
	w.Recorder.Fault(err)
	w.Recorder.Unlock()
}

// odd counts a message that is no answer.
func (w *worker) odd(what measure.Oddity, class uint8) {
	now := w.Now()
	w.Recorder.Lock()
	w.Recorder.Odd(what, class, now)
	w.Recorder.Unlock()
}
