package doh

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"yushan/internal/quicload"
	"yushan/internal/testengine"
	"yushan/server/query"
)

// The load of a benchmark comes from another process, so that the CPU time of
// this one is the server's. It is this test binary, run with these variables.
const (
	loadAddr    = "YUSHAN_DOH_LOAD_ADDR"
	loadMethod  = "YUSHAN_DOH_LOAD_METHOD"
	loadConns   = "YUSHAN_DOH_LOAD_CONNS"
	loadWindow  = "YUSHAN_DOH_LOAD_WINDOW"
	loadQueries = "YUSHAN_DOH_LOAD_QUERIES"
)

func TestMain(m *testing.M) {
	addr := os.Getenv(loadAddr)
	if addr == "" {
		os.Exit(m.Run())
	}
	number := func(name string) int {
		n, err := strconv.Atoi(os.Getenv(name))
		if err != nil {
			log.Fatal("load: ", name, " ", err)
		}
		return n
	}
	conns, queries := number(loadConns), number(loadQueries)
	var wg sync.WaitGroup
	for range conns {
		wg.Go(func() {
			if err := sendLoad(addr, os.Getenv(loadMethod), number(loadWindow), queries/conns+1); err != nil {
				log.Fatal("load: ", err)
			}
		})
	}
	wg.Wait()
}

// sendLoad has n queries answered on a connection of HTTP/2, window of them at a
// time, each in a TLS record of its own.
func sendLoad(addr, method string, window, n int) error {
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		return err
	}
	defer conn.Close()
	wire, err := testengine.NewQuery(0).Pack()
	if err != nil {
		return err
	}
	var out, block bytes.Buffer
	framer := http2.NewFramer(&out, conn)
	encoder := hpack.NewEncoder(&block)
	out.WriteString(http2.ClientPreface)
	framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 24})
	framer.WriteWindowUpdate(0, 1<<30)
	stream := uint32(1)
	for done := 0; done < n; done += window {
		for range window {
			block.Reset()
			path := "/dns-query"
			if method == "GET" {
				path += "?dns=" + base64.RawURLEncoding.EncodeToString(wire)
			}
			fields := []string{":method", method, ":scheme", "https", ":authority", "localhost", ":path", path, "accept", mediaType, "user-agent", "load/1.0"}
			if method == "POST" {
				fields = append(fields, "content-type", mediaType, "content-length", strconv.Itoa(len(wire)))
			}
			for i := 0; i < len(fields); i += 2 {
				encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
			}
			framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndStream: method == "GET", EndHeaders: true})
			if method == "POST" {
				framer.WriteData(stream, true, wire)
			}
			stream += 2
			if _, err := conn.Write(out.Bytes()); err != nil {
				return err
			}
			out.Reset()
		}
		for answered := 0; answered < window; {
			frame, err := framer.ReadFrame()
			if err != nil {
				return err
			}
			switch f := frame.(type) {
			case *http2.DataFrame:
				if f.StreamEnded() {
					answered++
				}
			case *http2.GoAwayFrame, *http2.RSTStreamFrame:
				return fmt.Errorf("answered with %v", f)
			}
		}
	}
	return nil
}

// BenchmarkHTTP2 compares the server with net/http's, which asks the same engine
// by the same rules.
func BenchmarkHTTP2(b *testing.B) {
	for _, method := range []string{"POST", "GET"} {
		for _, shape := range []struct{ conns, window int }{{16, 1}, {16, 20}, {1, 100}} {
			name := fmt.Sprintf("%s/%dx%d", method, shape.conns, shape.window)
			measure := func(b *testing.B, addr string) {
				testengine.MeasureLoad(b, loadAddr+"="+addr, loadMethod+"="+method,
					fmt.Sprintf("%s=%d", loadConns, shape.conns), fmt.Sprintf("%s=%d", loadWindow, shape.window),
					fmt.Sprintf("%s=%d", loadQueries, b.N))
			}
			b.Run("yushan/"+name, func(b *testing.B) {
				s, err := ListenTCP(TCPConfig{Addr: loopback, TLS: quicload.ServerTLS(b, "h2")}, testengine.New(b))
				if err != nil {
					b.Fatal(err)
				}
				run(b, s)
				measure(b, s.Addr().String())
			})
			b.Run("net-http/"+name, func(b *testing.B) {
				measure(b, startLibrary(b, testengine.New(b)))
			})
		}
	}
}

// startLibrary serves by net/http's HTTP/2.
func startLibrary(b *testing.B, engine *atomic.Pointer[query.Engine]) (addr string) {
	tally := &tallies{}
	handler := &web{handler: newTestHandler(b, Resources{}), pool: newPool(engine), long: make(chan struct{}, maxLong)}
	listener, err := net.Listen("tcp", loopback.String())
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{
		TLSConfig: quicload.ServerTLS(b, "h2"),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v := visitor{tally: tally.take()}
			handler.ServeHTTP(w, r.WithContext(v.in(r.Context())))
		}),
		ErrorLog: log.New(io.Discard, "", 0),
	}
	done := make(chan struct{})
	go func() {
		server.ServeTLS(listener, "", "")
		close(done)
	}()
	b.Cleanup(func() {
		server.Close()
		<-done
	})
	return listener.Addr().String()
}
