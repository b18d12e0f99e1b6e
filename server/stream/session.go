package stream

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"

	"yushan/server/query"
)

// Session is the protocol of one connection: bytes in, bytes out. It does no I/O
// of its own and waits for nothing. One goroutine calls it at a time.
type Session interface {
	// Answer handles in from its start, and writes what is to be sent to the start of
	// out, which holds two of the largest DNS messages with their lengths. It keeps
	// neither of them.
	//
	// used is how many bytes of in are done with: the rest comes again, with more
	// behind it. wrote is how many of out are to be sent. more asks to be called again,
	// with the rest of in and the whole of out, perhaps when that is sent. err ends the
	// connection when out is sent; ErrTakeOver is one such.
	Answer(w *Work, in, out []byte) (used, wrote int, more bool, err error)
	// Owes tells which thing the client has begun and not ended, beside bytes that
	// Answer hasn't used: 0 if none, else a number that stays the same as long as
	// the oldest such thing does, the number of an HTTP/2 stream for instance.
	// Limits.FrameTimeout is the time for it.
	Owes() uint64
	// Close is called when the server ends the connection, and returns how much it
	// has written to out, which is large enough for any farewell (4 KiB). It isn't
	// called after Answer has returned an error, or the client has gone.
	Close(out []byte) (wrote int)
}

// Peer is what is known of a client when its session begins.
type Peer struct {
	Client netip.AddrPort
	TLS    *tls.ConnectionState // nil in cleartext
}

// ErrTakeOver is what a [Session] returns from Answer that wants to do the I/O
// itself from here on. It must be a [Taker]. When out is sent, the connection is
// its own, and begins with the bytes that Answer hasn't used.
var ErrTakeOver = errors.New("the session takes the connection over")

// Taker is a session that can do its own I/O.
type Taker interface {
	// TakeOver uses the connection until it has ended. The server still counts it,
	// keeps [Limits].IdleTimeout for its reads and WriteTimeout for its writes, makes
	// room by it, and ends it when it stops: its deadlines go by then, and can't be
	// set to another time, but what has arrived by then can be read. It is closed when TakeOver returns.
	TakeOver(nc net.Conn)
}

// Work is what a session borrows while it answers. Nothing of it may be kept.
type Work struct {
	Engine *query.Engine
	Worker *query.Worker
	// Req has Client, Transport and KeepaliveUnits set.
	Req query.Request

	left int // queries that the connection may still bring; negative: no limit
}

// Answer has the engine answer one query, of which [Limits].MaxQueries are allowed.
// It returns the length of the response in out, 0 if there is none.
func (w *Work) Answer(wire, out []byte) int {
	w.Req.Wire = wire
	w.left--
	return w.Engine.Answer(w.Worker, &w.Req, out)
}
