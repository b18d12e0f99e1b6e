package stream

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"time"
)

// place is where one client is: it has one connection at a time.
type place struct {
	w          *worker
	number     int32
	generation int32 // of the connection: events of an earlier one are ignored
	state      placeState
	fd         int
	watched    uint32 // events that are waited for
	config     *tls.Config
	link       *link // of an encrypted connection
	tls        *tls.Conn
	codec      codec
	table      table

	requests []byte // for TLS; without it, for the socket
	unread   []byte // has come, and is not whole yet

	offered  bool // in worker.ready
	dirty    bool // in worker.dirty
	blocked  bool // the socket takes no more
	draining bool // no more queries on this connection

	source   netip.Addr // where connections come from, unless the system chooses
	began    int64      // when connecting began
	useful   bool       // the connection has brought an answer
	retryAt  int64      // down: when to connect again
	patience time.Duration
	errand   flight // single: the query that the connection is for
	hurried  bool   // single: there is such a query
	cookie   []byte // the server's, with the client's part; nil: not known
}

type placeState uint8

const (
	down       placeState = iota // no connection
	connecting                   // until TCP stands
	shaking                      // until TLS stands
	failing                      // a handshake that has been told to end
	open
)

// Bounds of how long a place waits after a connection that was of no use.
const (
	firstPatience = 10 * time.Millisecond
	lastPatience  = time.Second
)

// fullBatch is how many bytes of queries are enough for one write; maxOutput is how much
// more may wait for a server that does not read: replies to what it sends itself.
const (
	fullBatch = 64 << 10
	maxOutput = 4 << 20
)

var (
	errTimedOut  = errors.New("connect: timed out")
	errEnded     = errors.New("the server ended the connection with queries under way")
	errFlood     = errors.New("the server reads nothing and wants ever more replies")
	errNotNeeded = errors.New("not needed any more")
)

func newPlace(w *worker, number int) *place {
	p := &place{w: w, number: int32(number), fd: -1, config: w.tlsConfig(), table: newTable(w.depth), patience: firstPatience}
	p.codec = w.newCode(p)
	return p
}

// free tells whether a query can be given to the place.
func (p *place) free() bool {
	if p.w.single {
		return p.state == down && p.retryAt <= p.w.now
	}
	return p.state == open && !p.draining && !p.blocked && len(p.requests) < fullBatch &&
		p.table.inUse < p.w.depth && p.codec.room()
}

// ask sends a query on the open connection.
func (p *place) ask(f flight) {
	w := p.w
	f.sent = w.now
	n := p.codec.ask(p.table.add(f))
	if !f.again {
		w.batch.sent = append(w.batch.sent, sent{f.class, f.due, f.taken, n})
	}
	w.touch(p)
}

// sweep looks for what has taken too long.
func (p *place) sweep() {
	w := p.w
	switch p.state {
	case down:
		if p.retryAt > w.now {
			return
		}
		if w.single {
			w.offer(p)
		} else if w.more || w.open > 0 {
			p.connect()
		}
	case connecting, shaking:
		if p.hurried && p.errand.due+w.timeout <= w.now {
			w.miss(p.errand)
			p.hurried = false
		} else if p.hurried || p.began+w.timeout > w.now {
			return
		}
		if p.state == connecting {
			p.failed(errTimedOut)
		} else {
			p.state = failing
			p.link.fail(errTimedOut)
		}
	case open:
		p.table.expired(w.now-w.timeout, func(s *slot) {
			p.lose(s)
			p.codec.gaveUp(s)
		})
		p.after()
	}
}

// lose ends a query that gets no answer any more.
func (p *place) lose(s *slot) {
	p.table.end(s, givenUp)
	p.w.open--
	p.w.batch.lose(s.class, s.due)
}

// retry lets a query that the server has not looked at go to another place, or to
// another connection. It has not lost its turn.
func (p *place) retry(s *slot) {
	p.table.end(s, givenUp)
	f := s.flight
	f.again = true
	p.w.waiting.pushFront(f)
}

// fault records what is wrong with the server and ends no connection by itself.
func (p *place) fault(err error) {
	r := p.w.Recorder
	r.Lock()
	r.Fault(err)
	r.Unlock()
}

// after looks at what is to be done with an open connection after some query on it has
// ended, or something has come.
func (p *place) after() {
	switch {
	case p.state != open:
	case p.table.inUse == 0 && (p.w.single || p.draining):
		p.leave()
		p.rest()
	default:
		p.w.offer(p)
	}
}

// rest decides when the next connection may be opened, after one has been closed.
func (p *place) rest() {
	w := p.w
	p.retryAt = w.now
	if !p.useful {
		p.retryAt += int64(p.patience)
		p.patience = min(2*p.patience, lastPatience)
		return
	}
	p.patience = firstPatience
	if w.single {
		w.offer(p)
	} else if w.more || w.open > 0 {
		p.connect()
	}
}
