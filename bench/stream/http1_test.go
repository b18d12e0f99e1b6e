package stream

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"yushan/bench/load"
)

// h1Server writes what a function makes of each query, and closes the connection if that
// says so.
func startH1(t *testing.T, answer func(query []byte) (text string, closes bool)) *trial {
	addr := rawServer(t, func(conn net.Conn) {
		from := bufio.NewReader(conn)
		for {
			request, err := http.ReadRequest(from)
			if err != nil {
				return
			}
			query, err := io.ReadAll(request.Body)
			if err != nil || request.Header.Get("Content-Type") != mediaType || request.Host != "localhost" || request.URL.Path != "/dns-query" {
				t.Errorf("%v, %+v: expected a query", err, request)
				return
			}
			text, closes := answer(query)
			for _, b := range [][]byte{[]byte(text)[:len(text)/2], []byte(text)[len(text)/2:]} {
				if _, err := conn.Write(b); err != nil {
					return
				}
			}
			if closes {
				return
			}
		}
	}, "http/1.1")
	return againstRaw(t, addr, load.DoH1, 50)
}

func TestHTTP1Responses(t *testing.T) {
	for name, answer := range map[string]func(body []byte) (string, bool){
		"length": func(b []byte) (string, bool) {
			return fmt.Sprintf("HTTP/1.1 200 OK\r\ncontent-LENGTH: %d \r\n\r\n%s", len(b), b), false
		},
		"chunked": func(b []byte) (string, bool) {
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x;ext=1\r\n%s\r\n1\r\n%s\r\n0\r\nA: b\r\n\r\n", len(b)-1, b[:len(b)-1], b[len(b)-1:]), false
		},
		"to the end": func(b []byte) (string, bool) { return "HTTP/1.1 200\r\n\r\n" + string(b), true },
		"interim": func(b []byte) (string, bool) {
			return fmt.Sprintf("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(b), b), false
		},
		"close": func(b []byte) (string, bool) {
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: foo, Close\r\n\r\n%s", len(b), b), false
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := startH1(t, func(query []byte) (string, bool) { return answer(answerTo(query)) })
			r := c.run(t)
			expectAnswered(t, r, 50)
			if again := name == "to the end" || name == "close"; again != (r.Connections.Opened >= 50) {
				t.Errorf("%d connections for 50 queries", r.Connections.Opened)
			}
		})
	}
}

func TestHTTP1Statuses(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno!",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.0 503 \r\nContent-Length: 0\r\n\r\n",
	} {
		r := startH1(t, func([]byte) (string, bool) { return text, false }).run(t)
		if r.Total.Odd.Status != 50 || r.Total.Lost != 50 || r.Connections.Opened < 1 || r.Connections.Opened > 2 {
			t.Errorf("%q: %+v, %+v: expected 50 statuses on 2 connections, or on the one that was there first", text, r.Total.Counts, r.Connections)
		}
	}
}

func TestHTTP1Violations(t *testing.T) {
	for _, tt := range []struct{ text, fault string }{
		{"SSH-2.0-OpenSSH\r\n\r\n", "not the head"},
		{"HTTP/1.1 2x0 OK\r\n\r\n", "not a status"},
		{"HTTP/1.1 200 OK\r\nnothing\r\n\r\n", "colon"},
		{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "content length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "at most"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "transfer encoding"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", "length of a chunk"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabcd", "longer than it says"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffff\r\n", "at most"},
		{"HTTP/1.1 200 OK\r\nX: " + string(bytes.Repeat([]byte("x"), 20<<10)), "HTTP/1.1 head"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n", "to no request"},
	} {
		c := startH1(t, func([]byte) (string, bool) { return tt.text, false })
		c.Plan.Limit = 3
		r := c.run(t)
		if r.Total.Answered != 0 || r.Total.Lost != 3 {
			t.Errorf("%.40q: %+v: expected 3 lost", tt.text, r.Total.Counts)
		}
		expectFault(t, r, tt.fault)
	}
}

// A query that is given up ends its connection, so that its answer is not taken for the
// next one's.
func TestHTTP1GivenUp(t *testing.T) {
	first := true
	c := startH1(t, func(query []byte) (string, bool) {
		if first {
			first = false
			return "HTTP/1.1 200 OK\r\n", false
		}
		b := answerTo(query)
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(b), b), false
	})
	c.Clients, c.Concurrency, c.Timeout = 1, 1, 3*time.Second
	r := c.run(t)
	if r.Total.Answered != 49 || r.Total.Lost != 1 || r.Connections.Opened != 2 {
		t.Errorf("%+v, %+v: expected 49 answers on 2 connections", r.Total.Counts, r.Connections)
	}
}

// A body of chunks is bounded by what comes, and not only by what is in them.
func TestChunksWithLongHeads(t *testing.T) {
	chunk := "1;" + strings.Repeat("x", maxHead/2) + "\r\nX\r\n"
	c := &http1{response: response{headBytes: 1, status: 200, length: -1, chunked: true}}
	received := []byte("\n" + strings.Repeat(chunk, 2*maxBody/len(chunk)))
	if n, err := c.one(received); n != 0 || err != nil {
		t.Errorf("%d used, %v; expected that more is waited for", n, err)
	}
	if _, err := c.one(append(received, chunk...)); err == nil {
		t.Error("more is waited for, whatever comes")
	}
}
