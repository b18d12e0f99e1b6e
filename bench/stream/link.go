package stream

import (
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// link is the connection that crypto/tls sees. What the worker has read from the socket
// is put into it, and what TLS writes is taken out of it.
//
// During the handshake, which runs in a goroutine of its own, Read waits for the worker
// and Write writes to the socket. Afterwards nothing waits: Read says errNothing when
// there is nothing, an error after which crypto/tls can be read again because it is a
// temporary one.
type link struct {
	fd     int
	server net.Addr

	mutex   sync.Mutex // guards all below; after the handshake there is one goroutine only
	come    sync.Cond
	shaking bool
	in      []byte
	out     []byte
	err     error // nothing more will come
}

func newLink(fd int, server net.Addr) *link {
	l := &link{fd: fd, server: server, shaking: true}
	l.come.L = &l.mutex
	return l
}

// errNothing is not an end.
var errNothing net.Error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing has come" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

func (l *link) Read(dst []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for l.shaking && len(l.in) == 0 && l.err == nil {
		l.come.Wait()
	}
	if len(l.in) == 0 {
		if l.err != nil {
			return 0, l.err
		}
		return 0, errNothing
	}
	n := copy(dst, l.in)
	l.in = l.in[n:]
	return n, nil
}

func (l *link) Write(src []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.shaking {
		l.out = append(l.out, src...)
		return len(src), nil
	}
	for written := 0; written < len(src); {
		if l.err != nil {
			return written, l.err
		}
		n, err := unix.Write(l.fd, src[written:])
		switch {
		case err == nil:
			written += n
		case errors.Is(err, unix.EAGAIN):
			l.writable()
		case !errors.Is(err, unix.EINTR):
			return written, err
		}
	}
	return len(src), nil
}

// writable waits a moment for the socket to take more.
func (l *link) writable() {
	l.mutex.Unlock()
	defer l.mutex.Lock()
	const moment = 10 // milliseconds
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLOUT}}, moment)
}

// give hands over what has come during the handshake.
func (l *link) give(received []byte) {
	l.mutex.Lock()
	l.in = append(l.in, received...)
	l.mutex.Unlock()
	l.come.Signal()
}

// fail ends a handshake. The first reason stands.
func (l *link) fail(err error) {
	l.mutex.Lock()
	if l.err == nil {
		l.err = err
	}
	l.mutex.Unlock()
	l.come.Signal()
}

// shaken says that the handshake is over: nothing waits any more.
func (l *link) shaken() {
	l.mutex.Lock()
	l.shaking = false
	l.mutex.Unlock()
}

// What crypto/tls wants beside. The socket is the worker's.

func (l *link) Close() error                     { return nil }
func (l *link) LocalAddr() net.Addr              { return l.server }
func (l *link) RemoteAddr() net.Addr             { return l.server }
func (l *link) SetDeadline(time.Time) error      { return nil }
func (l *link) SetReadDeadline(time.Time) error  { return nil }
func (l *link) SetWriteDeadline(time.Time) error { return nil }
