package fakedns

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

func (s *Server) serveQUIC(r *run) (net.Addr, error) {
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(s.Addr))
	if err != nil {
		return nil, err
	}
	// Who was connected to the server before it was killed is told so (RFC 9000 §10.3).
	key := quic.StatelessResetKey(sha256.Sum256(s.tls.Certificates[0].Certificate[0]))
	transport := &quic.Transport{Conn: socket, StatelessResetKey: &key}
	config := &quic.Config{Allow0RTT: true, MaxIncomingStreams: int64(s.options.Streams), MaxIdleTimeout: time.Minute, DisablePathMTUDiscovery: true}
	tlsConfig := s.tls
	if s.Transport == DoH3 {
		tlsConfig = http3.ConfigureTLSConfig(s.tls)
	}
	l, err := transport.ListenEarly(tlsConfig, config)
	if err != nil {
		socket.Close()
		return nil, err
	}
	r.ends = func() {
		socket.Close() // first, so that the clients are told nothing
		transport.Close()
	}
	var web *http3.Server
	if s.Transport == DoH3 {
		web = &http3.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) { s.request(r, w, request) }),
			ConnContext: func(ctx context.Context, conn *quic.Conn) context.Context {
				return context.WithValue(ctx, connKey{}, &httpConn{n: s.newConn(), quic: conn})
			},
		}
	}
	r.tasks.Go(func() {
		for {
			conn, err := l.Accept(r.ctx)
			if err != nil {
				return
			}
			r.tasks.Go(func() {
				if web != nil {
					web.ServeQUICConn(conn)
				} else {
					s.doq(r, conn)
				}
			})
		}
	})
	return socket.LocalAddr(), nil
}

// doq answers the streams of one connection (RFC 9250 §4.2).
func (s *Server) doq(r *run, conn *quic.Conn) {
	number := s.newConn()
	for n := 0; ; n++ {
		stream, err := conn.AcceptStream(r.ctx)
		if err != nil {
			return
		}
		r.tasks.Go(func() {
			got, err := io.ReadAll(stream)
			if err != nil || len(got) < 2 || len(got) != 2+int(binary.BigEndian.Uint16(got)) {
				conn.CloseWithError(doqProtocolError, "")
				return
			}
			state := conn.ConnectionState()
			q := &Query{Message: got[2:], Conn: number, OnConn: n, Resumed: state.TLS.DidResume, Early: state.Used0RTT, Received: time.Now().Round(0)}
			q.From = conn.RemoteAddr().(*net.UDPAddr).AddrPort()
			reply := s.ask(q)
			if wait := time.Until(q.Received.Add(reply.Delay)); wait <= 0 || r.sleep(conn.Context(), wait) {
				s.answerDoQ(r, conn, stream, q, reply)
			}
		})
	}
}

// doqProtocolError is DOQ_PROTOCOL_ERROR (RFC 9250 §4.3).
const doqProtocolError = 2

func (s *Server) answerDoQ(r *run, conn *quic.Conn, stream *quic.Stream, q *Query, reply Reply) {
	out := reply.Raw
	if out == nil && reply.Messages != nil {
		out = framed(reply.Messages[0])
	}
	if out != nil {
		s.sending(q, func() {
			stream.Write(out)
			stream.Close()
		})
	}
	switch reply.End {
	case Closes, Resets:
		conn.CloseWithError(0, "") // DOQ_NO_ERROR
	case Kills:
		r.kill()
	}
}
