package overquic

import (
	"crypto/tls"
	"time"

	"yushan/bench/load"
)

// client is where some queries come from: one connection after the other, or one for
// each query.
type client struct {
	*worker
	// number is the client's own among those of all workers.
	number uint64
	// visits is how many connections it has opened, one for each query.
	visits uint64
	// socket is where persistent connections are.
	socket  *socket
	tickets *tickets // unless sessions are not resumed
	tls     *tls.Config

	// Guarded by worker.mu.
	session *session // that takes queries; nil: none does
	idle    []*place // without a query
	queued  bool     // in worker.ready
	cookie  []byte   // the server's, with the client's own before it; replaced, never changed

	// news says that session has come to its end.
	news chan struct{}
}

// clients makes them, with their sockets where they are to keep them.
func (w *worker) clients() (clients []*client, err error) {
	defer func() {
		if err != nil {
			for _, c := range clients {
				c.socket.close()
			}
		}
	}()
	for i := range w.Options.Clients {
		c := &client{worker: w, number: uint64(w.Worker) + uint64(i)*uint64(w.Workers), tls: w.tls, news: make(chan struct{}, 1)}
		clients = append(clients, c)
		switch w.Options.Handshake {
		case load.Persistent, load.Full:
		default:
			c.tickets = newTickets()
			c.tls = w.tls.Clone()
			c.tls.ClientSessionCache = c.tickets
		}
		// Where each connection has a socket of its own, one that can't be bound is
		// told now, too.
		if c.socket, err = w.bind(c.number); err != nil {
			return clients, err
		}
		if w.Options.Handshake != load.Persistent {
			if err := c.socket.close(); err != nil {
				return clients, err
			}
			c.socket = nil
		}
		for range max(1, w.Options.Depth) {
			c.idle = append(c.idle, &place{client: c, wake: make(chan struct{}, 1)})
		}
	}
	return clients, nil
}

// start lets the client have queries.
func (c *client) start() {
	if c.Options.Handshake == load.Persistent {
		c.tasks.Go(c.persist)
		return
	}
	c.mu.Lock()
	c.ready.push(c)
	c.mu.Unlock()
}

// open tells whether the client takes queries. The lock must be held.
func (c *client) open() bool {
	if len(c.idle) == 0 {
		return false
	}
	return c.Options.Handshake != load.Persistent || c.session != nil && !c.session.starved
}

// place returns a free place, which it takes, or nil: one of the client whose turn it is.
// The lock must be held.
func (w *worker) place() *place {
	for w.ready.count > 0 {
		c := w.ready.head()
		if !c.open() {
			w.ready.pop()
			continue
		}
		last := len(c.idle) - 1
		p := c.idle[last]
		c.idle = c.idle[:last]
		if s := c.session; s != nil {
			p.session = s
			s.busy++
			p.stream, s.spare = s.spare, nil
		}
		if !p.started {
			p.started = true
			w.places = append(w.places, p)
			w.tasks.Go(p.run)
		}
		return p
	}
	return nil
}

// The pause after a connection that could not be opened, or was of no use.
const (
	shortPause = 20 * time.Millisecond
	longPause  = time.Second
)

// persist keeps one connection open until the end of the run.
func (c *client) persist() {
	var pause time.Duration
	for {
		s, err := c.connect()
		if err != nil {
			c.fail(err)
		} else {
			select {
			case <-c.news:
			case <-c.ctx.Done():
			}
		}
		if c.ctx.Err() != nil {
			return
		}
		if err == nil && s.answered.Load() > 0 {
			pause = 0
			continue
		}
		pause = min(max(shortPause, 2*pause), longPause)
		select {
		case <-time.After(pause):
		case <-c.ctx.Done():
			return
		}
	}
}

// forget makes a client of it that the server has given no cookie.
func (c *client) forget() {
	c.mu.Lock()
	c.cookie = nil
	c.mu.Unlock()
}

// learn remembers the server's cookie.
func (c *client) learn(cookie []byte) {
	c.mu.Lock()
	if string(cookie) != string(c.cookie) {
		c.cookie = append([]byte(nil), cookie...)
	}
	c.mu.Unlock()
}
