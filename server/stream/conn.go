package stream

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
)

// phase is what a connection waits for.
type phase uint64

const (
	waiting   phase = iota // for a query
	inFrame                // for the rest of a query
	writing                // for the client to take answers
	shaking                // for the end of the handshake, and of what comes before it
	phaseBits = 2
)

// conn is one connection, and the goroutine that serves it.
type conn struct {
	server *Server
	nc     *net.TCPConn
	raw    syscall.RawConn
	client netip.AddrPort
	// In the server's table, which guards them.
	slot       int
	identified bool // counts for its client

	state atomic.Uint64 // since which tick << phaseBits | phase
	// cut is set by others, with the server's mutex held, before they wake the
	// goroutine. The first reason counts.
	cut atomic.Uint32

	// What follows belongs to the goroutine.
	session Session
	secure  *secure    // nil in cleartext
	work    *workspace // while bytes are being handled
	have    int        // work.in[:have] is filled
	rest    []byte     // what wasn't handled before the last wait: at most a read, usually less than a frame
	more    bool       // the session wants to be called before anything is read
	left    int        // queries that may still come; negative: no limit
	asked   bool       // something was answered

	since   uint64 // tick of the last progress, or in which began what the client owes
	owes    uint64 // what the session said
	partial bool   // a frame or a record

	// For io.go, whose functions are called by raw; made once.
	tryRead  func(fd uintptr) bool
	tryWrite func(fd uintptr)
	ioErr    error
	got      int    // bytes that tryRead has read
	sending  []byte // bytes that tryWrite has still to write
	unsent   []byte // bytes that the kernel had no room for
	pending  int    // bytes accounted for in the server's workspaces
}

func (s *Server) newConn(nc *net.TCPConn) (*conn, error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &conn{server: s, nc: nc, raw: raw, left: s.limits.MaxQueries, identified: s.preamble == nil}
	if addr, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		at := addr.AddrPort()
		c.client = netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
	}
	if c.left == 0 {
		c.left = -1
	}
	c.tryRead = c.readNow
	c.tryWrite = func(fd uintptr) { c.writeNow(fd) }
	c.since = s.tick.Load()
	if s.tls != nil || s.preamble != nil {
		c.wait(shaking, c.since)
	} else {
		c.wait(waiting, c.since)
	}
	return c, nil
}

// serve answers queries until the connection ends. It closes it.
func (c *conn) serve() {
	err := c.begin()
	if err == nil {
		err = c.loop()
	}
	if errors.Is(err, ErrTakeOver) {
		err = c.takeOver()
	}
	why := c.reasonOf(err)
	c.server.events.byReason[why].Add(1)
	c.release()
	if c.session != nil {
		if why == stopping {
			err = c.answerLast()
			c.release()
			if errors.Is(err, ErrTakeOver) {
				err = c.takeOver()
			}
		}
		if why != stopping || err == nil {
			c.farewell(why)
		}
	}
	c.close(why)
	c.forget()
}

func (c *conn) loop() error {
	for {
		if c.more {
			c.take()
		} else if err := c.read(); err != nil {
			return err
		}
		if err := c.answer(); err != nil {
			return err
		}
	}
}

// take gets a workspace, and puts rest into it.
func (c *conn) take() {
	if c.work == nil {
		c.work = c.server.workspaces.lend()
	}
	c.have = copy(c.work.in, c.rest)
	if c.secure != nil {
		c.secure.out = c.work.sealedOut[:0]
	}
}

// release gives the workspace back, if there is one.
func (c *conn) release() {
	if c.work == nil {
		return
	}
	if c.secure != nil {
		c.secure.out = nil
	}
	c.server.workspaces.takeBack(c.work)
	c.work, c.have = nil, 0
}

// keep remembers bytes that can't be handled yet.
func (c *conn) keep(bytes []byte) {
	if len(bytes) == 0 && cap(c.rest) > smallRest {
		c.rest = nil
		return
	}
	c.rest = append(c.rest[:0], bytes...)
}

// smallRest is how much memory a connection keeps for the halves of frames to
// come; a query is rarely longer.
const smallRest = 256

// answer has the session handle what is in the workspace, sends the answers, and
// gives the workspace back.
func (c *conn) answer() (err error) {
	used := 0
	if c.more || c.have > len(c.rest) { // else a record had nothing for the session
		used, err = c.askAll()
	}
	c.account(used)
	if failed := c.drain(); failed != nil {
		err = failed
	}
	c.release()
	return err
}

// askAll asks the session until it has no more to say, or the client doesn't take
// it. What isn't used goes to rest.
func (c *conn) askAll() (used int, err error) {
	w := c.work
	w.Engine = c.server.engine.Load()
	w.Req.Client, w.Req.Transport = c.client, c.server.transport
	w.Req.KeepaliveUnits = uint16(c.server.keepalive.Load())
	w.left, w.before = c.left, c.left
	for {
		n, wrote, more, failed := c.ask(w.in[used:c.have])
		used += n
		c.more, err = more, failed
		if err == nil && w.left <= 0 && c.server.limits.MaxQueries > 0 {
			err = errEnough
		}
		if !more || err != nil {
			w.publish() // what a client has got is counted
		}
		if wrote > 0 {
			c.asked = true
			if failed := c.put(w.out[:wrote]); failed != nil {
				err = failed
			}
		}
		if !more || err != nil || len(c.unsent) > 0 {
			break
		}
	}
	w.publish()
	c.left = w.left
	c.keep(w.in[used:c.have])
	if err == nil && !c.more && len(c.rest) > c.server.keepBytes {
		err = errBadFrame
	}
	return used, err
}

// ask calls the session, and survives it. Sessions that know better what was
// answered before a panic end it themselves.
func (c *conn) ask(in []byte) (used, wrote int, more bool, err error) {
	w := c.work
	defer func() {
		if value := recover(); value != nil {
			c.server.failed(&w.Work, value)
			used, wrote, more, err = 0, 0, false, errPanic
		}
	}()
	used, wrote, more, err = c.session.Answer(&w.Work, in, w.out)
	if err != nil && err != ErrTakeOver && c.server.session != nil {
		err = &endError{bySession, err}
	}
	return used, wrote, more && used+wrote > 0, err
}

// account notes what the client owes, and since when.
func (c *conn) account(used int) {
	owed, partial := c.owes, c.partial
	c.owes = c.session.Owes()
	c.partial = len(c.rest) > 0 || c.secure != nil && c.secure.records.midway()
	switch {
	case c.owes != 0 && c.owes == owed:
	case c.owes != 0, used > 0, c.partial && !partial:
		c.since = c.server.tick.Load() // what is left, if anything, is another frame
	}
}

// wait notes what the connection is about to wait for, and since when.
func (c *conn) wait(p phase, since uint64) {
	c.state.Store(since<<phaseBits | uint64(p))
}

// waits tells it.
func (c *conn) waits() (p phase, since uint64) {
	state := c.state.Load()
	return phase(state & (1<<phaseBits - 1)), state >> phaseBits
}

// failed is told of a panic.
func (s *Server) failed(w *Work, value any) {
	s.events.panics.Add(1)
	s.workspaces.renew(w)
	if s.onPanic != nil {
		s.onPanic(w.Req.Wire, value)
	}
}
