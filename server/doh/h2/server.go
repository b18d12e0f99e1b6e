package h2

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"yushan/server/doh/h2/hpack"
)

// Server is what connections share. It may be used by any goroutine.
type Server struct {
	limits Limits
	now    func() time.Time
	date   atomic.Pointer[dateLine]
	events events

	turns, streams sync.Pool // of *turn, *stream
}

// New makes a server; its errors say which limit makes no sense.
func New(limits Limits) (*Server, error) {
	limits, err := limits.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{limits: limits, now: time.Now}
	s.turns.New = func() any { return newTurn(&s.limits) }
	s.streams.New = func() any { return new(stream) }
	return s, nil
}

// NewConn makes a connection that nothing has arrived on yet.
func (s *Server) NewConn() *Conn {
	return &Conn{
		server:     s,
		decoder:    hpack.NewDecoder(fieldKinds),
		sendWindow: initialWindow,
		peerWindow: initialWindow,
		patience:   int32(s.limits.Patience),
	}
}

// events are counters of what goes wrong; no request that goes well touches them.
type events struct {
	resetByClient, resetByServer, refused, ended atomic.Uint64
}

// Counters tell what went wrong on all connections so far.
type Counters struct {
	StreamsReset   uint64 // by clients
	StreamErrors   uint64 // streams that the server has reset for an error of the client's
	StreamsRefused uint64 // that a limit didn't allow
	Errors         uint64 // connections ended by an error of the client's
}

// Counters returns them.
func (s *Server) Counters() Counters {
	e := &s.events
	return Counters{e.resetByClient.Load(), e.resetByServer.Load(), e.refused.Load(), e.ended.Load()}
}

// dateLine is the value of Date for one second.
type dateLine struct {
	second int64
	value  []byte
}

// dateValue is Date's value for now (RFC 9110 §6.6.1).
func (s *Server) dateValue() []byte {
	now := s.now()
	line := s.date.Load()
	if line == nil || line.second != now.Unix() {
		line = &dateLine{now.Unix(), now.UTC().AppendFormat(nil, http.TimeFormat)}
		s.date.Store(line)
	}
	return line.value
}
