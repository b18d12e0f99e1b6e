package stream

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"yushan/bench/load"
)

// begin opens a connection for one query.
func (p *place) begin(f flight) {
	p.errand, p.hurried = f, true
	p.connect()
}

// connect opens a connection.
func (p *place) connect() {
	w := p.w
	p.generation++
	p.began = w.Now()
	p.draining, p.blocked, p.useful = false, false, false
	p.requests, p.unread = p.requests[:0], p.unread[:0]
	p.table.reset()
	if w.sources.some() && (w.single || p.generation == 1) {
		p.source = w.sources.take()
		p.cookie = nil // it is of the address (RFC 7873 §5.3)
	}
	if w.Options.Handshake == load.Full {
		p.cookie = nil // a client that has never been there
	}
	fd, err := socket(w.Options.Server.Addr())
	if err != nil {
		p.failed(err)
		return
	}
	p.fd, p.state = fd, connecting
	if err := p.start(); err != nil {
		p.failed(err)
	}
}

func (p *place) start() error {
	w := p.w
	if err := unix.SetsockoptInt(p.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return reason("socket", err)
	}
	if p.source.IsValid() {
		if err := bind(p.fd, p.source); err != nil {
			return err
		}
	}
	if err := unix.Connect(p.fd, w.server); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return reason("connect", err)
	}
	p.watched = unix.EPOLLOUT
	return w.poller.add(p.fd, p.number, p.generation, p.watched)
}

// connected is called when TCP stands, or doesn't.
func (p *place) connected() {
	w := p.w
	errno, err := unix.GetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && errno != 0 {
		err = unix.Errno(errno)
	}
	if err != nil {
		p.failed(reason("connect", err))
		return
	}
	if err := p.watch(unix.EPOLLIN); err != nil {
		p.failed(err)
		return
	}
	if p.config == nil {
		p.opened(w.Now(), false)
		return
	}
	p.state = shaking
	p.link = newLink(p.fd, net.TCPAddrFromAddrPort(w.Options.Server))
	p.tls = tls.Client(p.link, p.config)
	w.handshakes.Go(func() { w.shake(p, p.tls, p.link) })
}

// opening is the end of a handshake.
type opening struct {
	place *place
	at    int64
	err   error
}

// mail is what handshakes leave for the worker.
type mail struct {
	mutex    sync.Mutex
	openings []opening
}

// shake is the goroutine of a handshake.
func (w *worker) shake(p *place, conn *tls.Conn, l *link) {
	err := conn.Handshake()
	if err == nil {
		err = checkProtocol(w.Options.Transport, conn)
	}
	l.shaken()
	w.mail.mutex.Lock()
	w.mail.openings = append(w.mail.openings, opening{p, w.Now(), err})
	w.mail.mutex.Unlock()
	w.poller.wake()
}

// openings goes on with connections whose handshakes have ended.
func (w *worker) openings() {
	w.mail.mutex.Lock()
	openings := w.mail.openings
	w.mail.openings = nil
	w.mail.mutex.Unlock()
	for _, o := range openings {
		p := o.place
		switch {
		case p.state == failing:
			p.failed(p.link.err)
		case o.err != nil:
			p.failed(handshakeReason(o.err))
		default:
			p.opened(o.at, p.tls.ConnectionState().DidResume)
		}
	}
}

// opened is called when queries can be sent.
func (p *place) opened(at int64, resumed bool) {
	w := p.w
	p.state = open
	w.Recorder.Lock()
	w.Recorder.Opened(time.Duration(at-p.began), resumed)
	w.Recorder.Unlock()
	p.codec.start()
	if p.hurried {
		p.hurried = false
		p.ask(p.errand)
	}
	w.touch(p)
	if p.tls != nil {
		p.decrypt() // what has come with the end of the handshake
	}
	if p.state == open {
		w.offer(p)
	}
}

// failed is called when no connection could be opened. A query that it was for looks
// for another place.
func (p *place) failed(err error) {
	w := p.w
	p.close()
	if p.hurried {
		p.hurried = false
		w.waiting.pushFront(p.errand)
	}
	p.useful = false
	p.rest()
	if errors.Is(err, errNotNeeded) {
		return
	}
	w.Recorder.Lock()
	w.Recorder.Failed(err)
	w.Recorder.Unlock()
}

// broken is called when the server has ended the connection.
func (p *place) broken(err error) {
	w := p.w
	w.Recorder.Lock()
	if p.table.inUse > 0 {
		w.Recorder.Broken(err)
	} else if !errors.Is(err, errEnded) && !errors.Is(err, unix.ECONNRESET) {
		w.Recorder.Fault(err)
	}
	w.Recorder.Unlock()
	p.table.each(p.lose)
	p.close()
	p.rest()
}

// leave ends an open connection in a friendly way.
func (p *place) leave() {
	if p.tls != nil && !p.blocked {
		p.tls.Close() // writes close_notify
		_, _ = unix.Write(p.fd, p.link.out)
	}
	p.close()
}

// abandon ends whatever the place does, at the end of the run. A handshake ends later.
func (p *place) abandon() {
	w := p.w
	if p.hurried {
		p.hurried = false
		w.miss(p.errand)
	}
	switch p.state {
	case connecting:
		p.close()
	case shaking:
		p.state = failing
		p.link.fail(errNotNeeded)
	case open:
		p.table.each(p.lose)
		p.leave()
	}
}

// close closes the socket.
func (p *place) close() {
	p.state = down
	if p.fd >= 0 {
		unix.Close(p.fd)
		p.fd = -1
	}
	p.link, p.tls = nil, nil
}

// watch tells which events are waited for.
func (p *place) watch(events uint32) error {
	if events == p.watched {
		return nil
	}
	p.watched = events
	return p.w.poller.change(p.fd, p.number, p.generation, events)
}
