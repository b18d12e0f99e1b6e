package encload

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"yushan/internal/quicload"
)

// answer is what the servers of these tests say: the query again, as an answer.
func answer(query []byte) []byte {
	a := append([]byte(nil), query...)
	a[2] |= 0x80
	return a
}

func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

func readFrame(from io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(from, message)
	return message, err
}

// server counts the connections it has.
type server struct {
	addr    string
	conns   sync.WaitGroup
	opened  atomic.Uint64
	answers atomic.Uint64
}

func serveDoT(t *testing.T) *server {
	l, err := tls.Listen("tcp", "127.0.0.1:0", quicload.ServerTLS(t, "dot"))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: l.Addr().String()}
	s.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.conns.Go(func() { s.dot(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); s.conns.Wait() })
	return s
}

func (s *server) dot(conn net.Conn) {
	defer conn.Close()
	s.opened.Add(1)
	for {
		query, err := readFrame(conn)
		if err != nil {
			return
		}
		s.answers.Add(1)
		conn.Write(framed(answer(query)))
	}
}

// serveDoQ, if it is stingy, never reads the last byte of a query, so that there is no
// credit for another stream: each connection is used up after maxStreams, as with
// Knot.
func serveDoQ(t *testing.T, maxStreams int64, stingy bool) *server {
	l, err := quic.ListenAddr("127.0.0.1:0", quicload.ServerTLS(t, "doq"), &quic.Config{MaxIncomingStreams: maxStreams})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: l.Addr().String()}
	s.conns.Go(func() {
		for {
			conn, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			s.opened.Add(1)
			s.conns.Go(func() { s.doq(conn, stingy) })
		}
	})
	t.Cleanup(func() { l.Close(); s.conns.Wait() })
	return s
}

func (s *server) doq(conn *quic.Conn, stingy bool) {
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		s.conns.Go(func() {
			defer stream.Close()
			var length [2]byte
			if _, err := io.ReadFull(stream, length[:]); err != nil {
				return
			}
			query := make([]byte, binary.BigEndian.Uint16(length[:]))
			wanted := query
			if stingy {
				wanted = query[:len(query)-1]
			}
			if _, err := io.ReadFull(stream, wanted); err == nil {
				s.answers.Add(1)
				stream.Write(framed(answer(query)))
			}
		})
	}
}

func serveDoH(t *testing.T) *server {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: socket.LocalAddr().String()}
	h := &http3.Server{
		TLSConfig: quicload.ServerTLS(t, http3.NextProtoH3),
		ConnContext: func(ctx context.Context, _ *quic.Conn) context.Context {
			s.opened.Add(1)
			return ctx
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			query, err := io.ReadAll(r.Body)
			if err != nil || r.Method != http.MethodPost || r.URL.Path != "/dns-query" || len(query) < 12 {
				http.Error(w, "no query", http.StatusBadRequest)
				return
			}
			s.answers.Add(1)
			w.Write(answer(query))
		}),
	}
	s.conns.Go(func() { h.Serve(socket) })
	t.Cleanup(func() { h.Close(); socket.Close(); s.conns.Wait() })
	return s
}

func queries(t *testing.T) [][]byte {
	t.Helper()
	list, err := ReadQueries(strings.NewReader("; two\nexample.tw. A\n\nxn--fsqu00a.tw mx\n"), false)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func load(t *testing.T, l Load) Result {
	t.Helper()
	l.Time, l.AnswerTime, l.Total, l.Queries = time.Hour, time.Minute, 100, queries(t)
	r, err := l.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Answered == 0 || r.Answered != r.Sent {
		t.Errorf("%d answers to %d queries: expected as many, and some", r.Answered, r.Sent)
	}
	return r
}

func TestPersistent(t *testing.T) {
	for _, tt := range []struct {
		protocol Protocol
		server   *server
		streams  int
	}{
		{DoT, serveDoT(t), 1},
		{DoQ, serveDoQ(t, 100, false), 5},
		{DoH, serveDoH(t), 5},
	} {
		r := load(t, Load{Addr: tt.server.addr, Protocol: tt.protocol, Conns: 3, Streams: tt.streams})
		if r.Opened != 3 || tt.server.opened.Load() != 3 || tt.server.answers.Load() != r.Answered {
			t.Errorf("%s: %d connections and %d answers, the server has seen %d and given %d: expected 3", tt.protocol,
				r.Opened, r.Answered, tt.server.opened.Load(), tt.server.answers.Load())
		}
	}
}

func TestHandshakes(t *testing.T) {
	for _, tt := range []struct {
		protocol Protocol
		server   *server
	}{
		{DoT, serveDoT(t)},
		{DoQ, serveDoQ(t, 100, false)},
		{DoH, serveDoH(t)},
	} {
		full := load(t, Load{Addr: tt.server.addr, Protocol: tt.protocol, Handshakes: Full, Conns: 2, Streams: 1})
		if full.Opened != full.Sent || full.Resumed != 0 {
			t.Errorf("%s, full: %d queries, %d connections, of them %d resumed: expected as many as queries, none resumed", tt.protocol, full.Sent, full.Opened, full.Resumed)
		}
		again := load(t, Load{Addr: tt.server.addr, Protocol: tt.protocol, Handshakes: Resumed, Conns: 2, Streams: 1})
		if again.Opened != again.Sent || again.Resumed == 0 || again.Resumed > again.Opened-2 {
			t.Errorf("%s, resumed: %d queries, %d connections, of them %d resumed: expected all but the first ones of 2 clients", tt.protocol, again.Sent, again.Opened, again.Resumed)
		}
	}
}

// A server that lets no more streams in gets a new connection, and no query is lost.
func TestUsedUp(t *testing.T) {
	s := serveDoQ(t, 7, true)
	r := load(t, Load{Addr: s.addr, Protocol: DoQ, Conns: 2, Streams: 3})
	if r.Opened < 3 || r.Sent > 7*r.Opened {
		t.Errorf("%d queries on %d connections of 7 streams: expected new ones", r.Sent, r.Opened)
	}
}

func TestRefusals(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for _, tt := range []struct {
		load Load
		want string
	}{
		{Load{Protocol: "dots", Conns: 1, Streams: 1}, "doh3 doq dot"},
		{Load{Protocol: DoQ, Streams: 1}, "0 connections"},
		{Load{Protocol: DoT, Conns: 1, Streams: 2}, "no streams"},
		{Load{Protocol: DoQ, Conns: 1, Streams: 2, Handshakes: Full}, "2 streams"},
		{Load{Protocol: DoT, Conns: 1, Streams: 1, Addr: gone.Addr().String()}, "connect to 127.0.0.1"},
		{Load{Protocol: DoT, Conns: 1, Streams: 1, Handshakes: Resumed, Addr: gone.Addr().String()}, "connect to 127.0.0.1"},
	} {
		tt.load.Time, tt.load.Queries = time.Hour, queries(t)
		if _, err := tt.load.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v: expected %q in it", tt.load, err, tt.want)
		}
	}
	if _, err := (Load{Protocol: DoQ, Conns: 1, Streams: 1}).Run(t.Context()); err == nil {
		t.Error("no error without queries")
	}
}
