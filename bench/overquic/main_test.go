package overquic

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	h3 "github.com/quic-go/quic-go/http3"

	"yushan/bench/load"
	"yushan/bench/measure"
	"yushan/bench/pace"
	"yushan/bench/query"
	"yushan/bench/result"
	"yushan/internal/quicload"
)

// patience is the time-out of queries that are to be answered. Only a failing test waits
// that long.
const patience = time.Minute

// answerTo is what the servers of these tests say: the query again, as a response.
func answerTo(query []byte) []byte {
	a := append([]byte(nil), query...)
	a[2] |= 0x80
	return a
}

func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

// fake is a DoQ server for one test.
type fake struct {
	addr   netip.AddrPort
	opened atomic.Int64
	early  atomic.Int64 // queries read before the handshake was complete
	asked  atomic.Int64
	stingy atomic.Bool // see stint
	tasks  sync.WaitGroup

	mu      sync.Mutex
	sources map[netip.Addr]int // of connections
	conns   []*quic.Conn
}

// answerer ends a stream whose query has been read; n counts queries from 1.
type answerer func(stream *quic.Stream, query []byte, n int64)

func usual(stream *quic.Stream, query []byte, _ int64) {
	stream.Write(framed(answerTo(query)))
	stream.Close()
}

func serveDoQ(t testing.TB, config quic.Config, reply answerer) *fake {
	t.Helper()
	return serveDoQAt(t, netip.MustParseAddrPort("127.0.0.1:0"), config, reply)
}

func serveDoQAt(t testing.TB, addr netip.AddrPort, config quic.Config, reply answerer) *fake {
	t.Helper()
	l, err := quic.ListenAddrEarly(addr.String(), quicload.ServerTLS(t, "doq"), &config)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{addr: l.Addr().(*net.UDPAddr).AddrPort(), sources: map[netip.Addr]int{}}
	f.tasks.Go(func() {
		for {
			conn, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			f.opened.Add(1)
			f.mu.Lock()
			f.sources[conn.RemoteAddr().(*net.UDPAddr).AddrPort().Addr()]++
			f.conns = append(f.conns, conn)
			f.mu.Unlock()
			f.tasks.Go(func() { f.serve(conn, reply) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		f.mu.Lock()
		for _, conn := range f.conns {
			conn.CloseWithError(0, "")
		}
		f.mu.Unlock()
		f.tasks.Wait()
	})
	return f
}

func (f *fake) serve(conn *quic.Conn, reply answerer) {
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		f.tasks.Go(func() {
			if f.stingy.Load() {
				stint(stream)
				return
			}
			query, err := io.ReadAll(stream)
			if err != nil || len(query) < 2+12 {
				return
			}
			if !complete(conn) {
				f.early.Add(1)
			}
			reply(stream, query[2:], f.asked.Add(1))
		})
	}
}

// serveDoH3 is a server by quic-go's own HTTP/3.
func serveDoH3(t testing.TB, handler http.HandlerFunc) *fake {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{addr: socket.LocalAddr().(*net.UDPAddr).AddrPort()}
	server := &h3.Server{
		TLSConfig:  quicload.ServerTLS(t, h3.NextProtoH3),
		QUICConfig: &quic.Config{Allow0RTT: true},
		ConnContext: func(ctx context.Context, _ *quic.Conn) context.Context {
			f.opened.Add(1)
			return ctx
		},
		Handler: handler,
	}
	f.tasks.Go(func() { server.Serve(socket) })
	t.Cleanup(func() { server.Close(); socket.Close(); f.tasks.Wait() })
	return f
}

// options are those of most tests.
func options(server netip.AddrPort, transport load.Transport) load.Options {
	return load.Options{
		Server:    server,
		Transport: transport,
		Clients:   3,
		Depth:     5,
		Timeout:   patience,
		TLS:       &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}},
		Path:      "/dns-query",
		Authority: quicload.Name,
	}
}

// limited sends so many queries as fast as they are answered.
func limited(queries uint64) pace.Plan {
	return pace.Plan{Duration: time.Hour, Limit: queries}
}

func questions(t testing.TB, o query.Options) *query.Set {
	t.Helper()
	set, err := query.ReadText(strings.NewReader("example.tw. A\nxn--fsqu00a.tw MX\nwww.example.tw AAAA\n"), "queries", o)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// test is one run.
type test struct {
	options load.Options
	plan    pace.Plan
	query   query.Options
	workers int // 0: 1
	judge   func(index uint32, nonce uint64, answer []byte)
	stop    atomic.Bool
}

func (tt *test) start(ctx context.Context, t testing.TB) (*result.Result, error) {
	t.Helper()
	workers := max(1, tt.workers)
	if tt.plan.Closed() && tt.options.Concurrency == 0 {
		tt.options.Concurrency = tt.options.Clients * tt.options.Depth
	}
	if err := tt.options.Validate(); err != nil {
		t.Fatal(err)
	}
	set := questions(t, tt.query)
	began := time.Now()
	var tasks sync.WaitGroup
	errs := make([]error, workers)
	var recorders []*measure.Recorder
	for i := range workers {
		w := &load.Work{
			Worker: i, Workers: workers,
			Options:  &tt.options,
			Queries:  set,
			Cursor:   set.Cursor(i, workers),
			Schedule: tt.plan.Schedule(i, workers),
			Recorder: measure.NewRecorder(measure.Shape{Classes: len(set.Classes), Duration: tt.plan.Duration, Interval: max(time.Second, tt.plan.Duration/10)}),
			Began:    began,
			Stop:     &tt.stop,
			Judge:    tt.judge,
		}
		recorders = append(recorders, w.Recorder)
		tasks.Go(func() { errs[i] = Run(ctx, w) })
	}
	tasks.Wait()
	r := new(result.Result)
	measure.Fill(r, recorders, set.Classes, time.Since(began))
	for _, err := range errs {
		if err != nil {
			return r, err
		}
	}
	if n := r.Total; n.Due != n.Sent+n.Unsent || n.Sent != n.Answered+n.Lost {
		t.Errorf("due %d, sent %d, unsent %d, answered %d, lost %d: expected each query to have one end", n.Due, n.Sent, n.Unsent, n.Answered, n.Lost)
	}
	return r, nil
}

func (tt *test) run(t testing.TB) *result.Result {
	t.Helper()
	r, err := tt.start(t.Context(), t)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// answered checks that all queries have been answered without anything odd.
func answered(t testing.TB, r *result.Result, want uint64) {
	t.Helper()
	if r.Total.Answered != want || r.Total.Due != want || r.Total.Odd.Sum() != 0 || len(r.Faults) != 0 {
		t.Errorf("%d of %d answered, odd %+v, faults %v: expected %d of %d", r.Total.Answered, r.Total.Due, r.Total.Odd, r.Faults, want, want)
	}
}
