package doq

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"testing"

	"github.com/quic-go/quic-go"

	"yushan/internal/quicload"
	"yushan/internal/testengine"
)

// The benchmarks' load comes from another process, so that what is measured is
// the server only.
const (
	loadAddr  = "YUSHAN_DOQ_LOAD"
	loadTotal = "YUSHAN_DOQ_TOTAL"
	loadShape = "YUSHAN_DOQ_SHAPE" // index into shapes
)

// shapes are loads: busy resolvers, whose packets carry several queries, and idle
// ones, each of which waits for its answer.
var shapes = []struct{ conns, streams int }{{16, 25}, {100, 1}}

func TestMain(m *testing.M) {
	if addr := os.Getenv(loadAddr); addr != "" {
		if err := load(addr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func load(addr string) error {
	total, err := strconv.Atoi(os.Getenv(loadTotal))
	if err != nil {
		return err
	}
	shape, err := strconv.Atoi(os.Getenv(loadShape))
	if err != nil {
		return err
	}
	var queries [testengine.Delegations][]byte
	for n := range queries {
		m := testengine.NewQuery(n)
		m.Id = 0
		if queries[n], err = m.Pack(); err != nil {
			return err
		}
	}
	return quicload.Load{
		Addr: addr, Protocol: "doq", Conns: shapes[shape].conns, Streams: shapes[shape].streams, Total: total,
		Query: func(n int) []byte { return queries[n%len(queries)] },
	}.Run(context.Background())
}

// measure runs each shape of load against what start starts.
func measure(b *testing.B, start func(b *testing.B) (addr string, done func(b *testing.B))) {
	for i, shape := range shapes {
		b.Run(fmt.Sprintf("%dx%d", shape.conns, shape.streams), func(b *testing.B) {
			addr, done := start(b)
			testengine.MeasureLoad(b, loadAddr+"="+addr, loadTotal+"="+strconv.Itoa(b.N), loadShape+"="+strconv.Itoa(i))
			done(b)
		})
	}
}

// BenchmarkServer is to be compared with BenchmarkEcho of the same run.
func BenchmarkServer(b *testing.B) {
	measure(b, func(b *testing.B) (string, func(*testing.B)) {
		s := serve(b, nil)
		return s.Addr().String(), func(b *testing.B) {
			c := s.Counters()
			b.ReportMetric(float64(c.Port.DatagramsIn)/float64(b.N), "in/query")
			b.ReportMetric(float64(c.Port.DatagramsOut)/float64(b.N), "out/query")
		}
	})
}

// BenchmarkEcho is quic-go's own cost: each stream is sent back by a goroutine of
// its own, over the socket that the library knows best.
func BenchmarkEcho(b *testing.B) {
	measure(b, func(b *testing.B) (string, func(*testing.B)) {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			b.Fatal(err)
		}
		transport := &quic.Transport{Conn: conn}
		listener, err := transport.Listen(quicload.ServerTLS(b, "doq"), &quic.Config{MaxIncomingStreams: 100})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			transport.Close()
			conn.Close()
		})
		go func() {
			for {
				conn, err := listener.Accept(context.Background())
				if err != nil {
					return
				}
				go echo(conn)
			}
		}()
		return conn.LocalAddr().String(), func(*testing.B) {}
	})
}

func echo(conn *quic.Conn) {
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		go func() {
			query, err := io.ReadAll(stream)
			if err != nil {
				return
			}
			stream.Write(query)
			stream.Close()
		}()
	}
}
