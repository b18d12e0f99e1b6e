package h2

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"yushan/internal/cputime"
	"yushan/server/doh/exchange"
)

// answer is as long as a referral.
var answer = bytes.Repeat([]byte("answer  "), 30)

// reply is a handler that does as little as one can.
func reply(_ *exchange.Request, res *exchange.Response) {
	res.Status = 200
	res.ContentType = "application/dns-message"
	res.MaxAge = 300
	res.Body = res.Buffer[:copy(res.Buffer, answer)]
}

const queryPath = "/dns-query?dns=AAABAAABAAAAAAABBG5hbWUHZXhhbXBsZQJ0dwAAAQABAAApBNAAAAAAAAA"

var query = bytes.Repeat([]byte("q"), 50)

// requests are those of one turn: so many GET or POST, in frames as nghttp2 sends them.
func (c *client) requests(first uint32, n int, method string) {
	for _, id := range streamsOf(first, n) {
		if method == "GET" {
			c.headers(id, true, request("GET", queryPath, "accept", "application/dns-message", "user-agent", "client/1.0")...)
		} else {
			c.headers(id, false, request("POST", "/dns-query", "accept", "application/dns-message",
				"content-type", "application/dns-message", "content-length", "50", "user-agent", "client/1.0")...)
		}
	}
	if method == "POST" {
		for _, id := range streamsOf(first, n) {
			c.framer.WriteData(id, true, query)
		}
	}
	c.framer.WriteWindowUpdate(0, uint32(n*len(answer)))
}

// renumber moves all streams of frames up by by.
func renumber(frames []byte, by uint32) {
	for len(frames) > 0 {
		length := int(frames[0])<<16 | int(frames[1])<<8 | int(frames[2])
		if id := uint32(frames[5])<<24 | uint32(frames[6])<<16 | uint32(frames[7])<<8 | uint32(frames[8]); id != 0 {
			id += by
			frames[5], frames[6], frames[7], frames[8] = byte(id>>24), byte(id>>16), byte(id>>8), byte(id)
		}
		frames = frames[frameHeaderBytes+length:]
	}
}

// load is what begins a connection, and n requests that can be sent behind it again and
// again when they are renumbered by 2n: their fields are known by then.
func load(t testing.TB, n int, method string) (begin, frames []byte) {
	c := newClient(t, Limits{}, nil)
	c.toServer.WriteString(preface)
	c.framer.WriteSettings()
	c.requests(1, 1, method)
	begin = bytes.Clone(c.toServer.Bytes())
	c.toServer.Reset()
	c.requests(3, n, method)
	return begin, bytes.Clone(c.toServer.Bytes())
}

// ready is a connection that has begun so.
func ready(t testing.TB, n int, method string) (c *client, frames []byte) {
	c = newClient(t, Limits{}, handlerFunc(reply))
	begin, frames := load(t, n, method)
	c.toServer.Write(begin)
	c.toServer.Write(frames)
	c.exchange()
	if len(c.responses) != n+1 || !bytes.Equal(c.responses[3].body, answer) || c.err != nil {
		t.Fatalf("%d responses, %v", len(c.responses), c.err)
	}
	return c, frames
}

// Steady state takes nothing from the heap.
func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items under the race detector")
	}
	for _, method := range []string{"GET", "POST"} {
		c, frames := ready(t, 10, method)
		allocs := testing.AllocsPerRun(1000, func() {
			renumber(frames, 20)
			if used, _, _, err := c.conn.Answer(c.handler, frames, c.out); err != nil || used != len(frames) {
				t.Fatal(used, err)
			}
		})
		// A garbage collection may empty the pools.
		if allocs > 1 {
			t.Errorf("%v allocations for ten %s requests, want none", allocs, method)
		}
	}
}

// BenchmarkConn is a request without I/O, ten of them arriving at once.
func BenchmarkConn(b *testing.B) {
	const n = 10
	for _, method := range []string{"GET", "POST"} {
		b.Run(method, func(b *testing.B) {
			c, frames := ready(b, n, method)
			start := cputime.Used(b)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += n {
				renumber(frames, 2*n)
				if c.conn.lastStream > maxWindow-100 {
					b.Fatal("too many requests for one connection")
				}
				if _, _, _, err := c.conn.Answer(c.handler, frames, c.out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cputime.Used(b)-start)/float64(b.N), "cpu-ns/op")
		})
	}
}

// oneConn is a listener that one connection comes from; Accept returns again when that is
// closed.
type oneConn struct {
	net.Conn
	accepted bool
	once     sync.Once
	closed   chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if !l.accepted {
		l.accepted = true
		return l, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Addr() net.Addr { return l.LocalAddr() }

func (l *oneConn) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Conn.Close()
}

// BenchmarkServer is a request over a pipe in cleartext, one connection, ten at once, with
// one client for both servers.
func BenchmarkServer(b *testing.B) {
	const n = 10
	s, err := New(Limits{})
	if err != nil {
		b.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		h := w.Header()
		h["Content-Type"] = []string{"application/dns-message"}
		h["Cache-Control"] = []string{"max-age=300"}
		h["Content-Length"] = []string{"240"}
		w.Write(answer)
	})
	peer := &http.Server{Handler: handler, Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 128}}
	peer.Protocols.SetUnencryptedHTTP2(true)
	for _, server := range []struct {
		name  string
		serve func(net.Conn)
	}{
		{"here", func(nc net.Conn) { serve(s.NewConn(), handlerFunc(reply), nc) }},
		{"net-http", func(nc net.Conn) { peer.Serve(&oneConn{Conn: nc, closed: make(chan struct{})}) }},
	} {
		for _, method := range []string{"GET", "POST"} {
			b.Run(server.name+"/"+method, func(b *testing.B) {
				ours, theirs := net.Pipe()
				var done sync.WaitGroup
				done.Go(func() { server.serve(theirs); theirs.Close() })
				begin, frames := load(b, n, method)
				toServer, written := make(chan []byte), make(chan error)
				done.Go(func() {
					for bytes := range toServer {
						_, err := ours.Write(bytes)
						written <- err
					}
				})
				toServer <- begin
				buf := make([]byte, 64<<10)
				have := 0
				// wait reads until so many streams have ended.
				wait := func(streams int) {
					for {
						at := 0
						for have-at >= frameHeaderBytes {
							length := int(buf[at])<<16 | int(buf[at+1])<<8 | int(buf[at+2])
							if have-at < frameHeaderBytes+length {
								break
							}
							if kind := frameType(buf[at+3]); kind == frameData && buf[at+4]&flagEndStream != 0 {
								streams--
							} else if kind == frameRSTStream || kind == frameGoAway {
								b.Errorf("frame %v from the server", kind)
							}
							at += frameHeaderBytes + length
						}
						have = copy(buf, buf[at:have])
						if streams <= 0 {
							return
						}
						n, err := ours.Read(buf[have:])
						if err != nil {
							b.Error(err)
							return
						}
						have += n
					}
				}
				wait(1)
				<-written
				start := cputime.Used(b)
				b.ReportAllocs()
				b.ResetTimer()
				for i := 0; i < b.N && !b.Failed(); i += n {
					toServer <- frames
					wait(n)
					if err := <-written; err != nil {
						b.Fatal(err)
					}
					renumber(frames, 2*n)
				}
				b.ReportMetric(float64(cputime.Used(b)-start)/float64(b.N), "cpu-ns/op")
				b.StopTimer()
				close(toServer)
				ours.Close()
				done.Wait()
			})
		}
	}
}
