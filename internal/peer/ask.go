package peer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	askers   = 4               // queries under way at a time
	askTries = 4               // datagrams get lost on a busy machine
	askLimit = 2 * time.Second // for one try
	// lateLimit is how long an answer may come after that to a later query on
	// the same socket. It decides only whether to try again.
	lateLimit = 50 * time.Millisecond
)

// Query is one message to send.
type Query struct {
	Wire []byte // not changed; [Ask] puts its own ID into what it sends
	TCP  bool
	// MayDrop says that a server may well not answer. Behind such a query a
	// good one is sent, whose answer tells that the wait is over.
	MayDrop bool
}

// Reply is what came back. Wire is nil without an error when the server
// answered a later query but not this one.
type Reply struct {
	Wire []byte
	Err  error
}

// Ask sends all queries to a server, several at a time but one at a time on
// each socket, and returns the replies in the order of the queries.
func Ask(ctx context.Context, addr netip.AddrPort, queries []Query) []Reply {
	replies := make([]Reply, len(queries))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(askers, len(queries)) {
		wg.Go(func() {
			a := asker{addr: addr}
			defer a.close()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(queries) {
					return
				}
				a.id++
				replies[i].Wire, replies[i].Err = a.ask(ctx, queries[i])
			}
		})
	}
	wg.Wait()
	return replies
}

// asker owns one socket of each sort.
type asker struct {
	addr netip.AddrPort
	id   uint16
	udp  net.Conn
	tcp  net.Conn
	buf  [1 << 16]byte
}

func (a *asker) close() {
	a.hangUp(&a.udp)
	a.hangUp(&a.tcp)
}

func (a *asker) hangUp(conn *net.Conn) {
	if *conn != nil {
		(*conn).Close()
		*conn = nil
	}
}

// fence is a query that every server answers: the name servers of the root,
// which they know or refuse to tell.
var fence = []byte("\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01")

func (a *asker) ask(ctx context.Context, q Query) (wire []byte, err error) {
	conn, network := &a.udp, "udp"
	if q.TCP {
		conn, network = &a.tcp, "tcp"
	}
	if q.TCP && q.MayDrop {
		// Servers close connections on which they got nonsense, so it gets one of its own.
		a.hangUp(conn)
		defer a.hangUp(conn)
	}
	for range askTries {
		if err = ctx.Err(); err != nil {
			return nil, err
		}
		if *conn == nil {
			var d net.Dialer
			if *conn, err = d.DialContext(ctx, network, a.addr.String()); err != nil {
				continue
			}
		}
		(*conn).SetDeadline(time.Now().Add(askLimit))
		if wire, err = a.try(*conn, q); wire != nil {
			return wire, nil
		}
		if err != nil {
			a.hangUp(conn)
		}
		// A server may close or reset a TCP connection over a query that it can't read.
		if q.TCP && q.MayDrop && !isTimeout(err) {
			return nil, nil
		}
	}
	if err != nil {
		err = fmt.Errorf("no answer from %s after %d tries: %w", a.addr, askTries, err)
	}
	return nil, err
}

// try sends q once and waits for its answer, or for that of the fence.
func (a *asker) try(conn net.Conn, q Query) ([]byte, error) {
	id := a.id
	if err := a.send(conn, q, q.Wire, id); err != nil {
		return nil, err
	}
	if q.MayDrop {
		a.id++
		if err := a.send(conn, q, fence, a.id); err != nil {
			return nil, err
		}
	}
	fenced := false
	for {
		n, err := a.receive(conn, q)
		switch {
		case fenced && isTimeout(err):
			return nil, nil
		case err != nil:
			return nil, err
		case n < 2:
		case binary.BigEndian.Uint16(a.buf[:]) == id && len(q.Wire) >= 2:
			return append([]byte{}, a.buf[:n]...), nil
		case q.MayDrop && binary.BigEndian.Uint16(a.buf[:]) == a.id:
			fenced = true
			conn.SetReadDeadline(time.Now().Add(lateLimit))
		}
	}
}

func (a *asker) send(conn net.Conn, q Query, wire []byte, id uint16) error {
	var out []byte
	if q.TCP {
		out = binary.BigEndian.AppendUint16(out, uint16(len(wire)))
	}
	at := len(out)
	out = append(out, wire...)
	if len(wire) >= 2 {
		binary.BigEndian.PutUint16(out[at:], id)
	}
	_, err := conn.Write(out)
	return err
}

func (a *asker) receive(conn net.Conn, q Query) (int, error) {
	if !q.TCP {
		return conn.Read(a.buf[:])
	}
	if _, err := io.ReadFull(conn, a.buf[:2]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(a.buf[:]))
	return io.ReadFull(conn, a.buf[:n])
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
