package overquic

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/bench/query"
	"yushan/bench/result"
)

// short is a time-out that comes to its end.
const short = 300 * time.Millisecond

func write(stream *quic.Stream, data []byte) {
	stream.Write(data)
	stream.Close()
}

// changed is an answer after something has been done to it.
func changed(query []byte, change func(answer []byte) []byte) []byte {
	return change(answerTo(query))
}

// Each kind of misbehaviour is counted as what it is, ends the query, and the next ones go
// on.
func TestMisbehaviour(t *testing.T) {
	for _, tt := range []struct {
		name  string
		reply answerer // to the fifth of 10 queries
		odd   result.Oddities
		fault string
		lost  uint64
	}{
		{"another question", func(s *quic.Stream, q []byte, _ int64) {
			write(s, framed(changed(q, func(a []byte) []byte { a[13] ^= 1; return a })))
		}, result.Oddities{Mismatched: 1}, "", 1},
		{"an ID", func(s *quic.Stream, q []byte, _ int64) {
			write(s, framed(changed(q, func(a []byte) []byte { a[1] = 7; return a })))
		}, result.Oddities{Unexpected: 1}, "", 1},
		{"no response", func(s *quic.Stream, q []byte, _ int64) { write(s, framed(q)) }, result.Oddities{Malformed: 1}, "", 1},
		{"less than it says", func(s *quic.Stream, q []byte, _ int64) {
			write(s, framed(answerTo(q))[:20])
		}, result.Oddities{Malformed: 1}, "", 1},
		{"nothing", func(s *quic.Stream, _ []byte, _ int64) { s.Close() }, result.Oddities{Malformed: 1}, "", 1},
		{"one byte", func(s *quic.Stream, _ []byte, _ int64) { write(s, []byte{0}) }, result.Oddities{Malformed: 1}, "", 1},
		{"a length of 0", func(s *quic.Stream, _ []byte, _ int64) { write(s, []byte{0, 0}) }, result.Oddities{Malformed: 1}, "", 1},
		{"two answers", func(s *quic.Stream, q []byte, _ int64) {
			write(s, slices.Concat(framed(answerTo(q)), framed(answerTo(q))))
		}, result.Oddities{Duplicate: 1}, "", 0},
		{"too much", func(s *quic.Stream, q []byte, _ int64) {
			write(s, slices.Concat(framed(answerTo(q)), make([]byte, longestAnswer+1)))
		}, result.Oddities{Duplicate: 1}, "", 0},
		{"a reset stream", func(s *quic.Stream, _ []byte, _ int64) { s.CancelWrite(2) }, result.Oddities{}, "the server has reset the stream of a query: error 0x2", 1},
		{"an answer in pieces", func(s *quic.Stream, q []byte, _ int64) {
			for _, b := range framed(answerTo(q)) {
				s.Write([]byte{b})
			}
			s.Close()
		}, result.Oddities{}, "", 0},
		{"the largest answer", func(s *quic.Stream, q []byte, _ int64) {
			write(s, framed(largest(q)))
		}, result.Oddities{}, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := serveDoQ(t, quic.Config{}, func(s *quic.Stream, q []byte, n int64) {
				if n == 5 {
					tt.reply(s, q, n)
				} else {
					usual(s, q, n)
				}
			})
			run := test{options: options(server.addr, load.DoQ), plan: limited(10)}
			r := run.run(t)
			if r.Total.Odd != tt.odd || r.Total.Lost != tt.lost || r.Total.Answered != 10-tt.lost {
				t.Errorf("answered %d, lost %d, odd %+v: expected %d, %d, %+v", r.Total.Answered, r.Total.Lost, r.Total.Odd, 10-tt.lost, tt.lost, tt.odd)
			}
			if text := faults(r); text != tt.fault {
				t.Errorf("faults %q: expected %q", text, tt.fault)
			}
			if r.Connections.Opened > 3 {
				t.Errorf("%d connections: expected that the 3 go on", r.Connections.Opened)
			}
		})
	}
}

// largest is an answer of 65535 bytes.
func largest(query []byte) []byte {
	a := answerTo(query)
	a[7] = 1
	rest := 65535 - len(a) - 12
	a = append(a, 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, byte(rest>>8), byte(rest))
	return append(a, make([]byte, rest)...)
}

func faults(r *result.Result) (text string) {
	for _, f := range r.Faults {
		text += f.Text
	}
	return text
}

// An answer is one though its stream isn't ended, which is told.
func TestNoEnd(t *testing.T) {
	server := serveDoQ(t, quic.Config{}, func(s *quic.Stream, q []byte, n int64) {
		s.Write(framed(answerTo(q)))
		if n != 5 {
			s.Close()
		}
	})
	run := test{options: options(server.addr, load.DoQ), plan: limited(10)}
	run.options.Timeout = 2 * time.Second
	r := run.run(t)
	if r.Total.Answered != 10 || faults(r) != errNoEnd.Error() {
		t.Errorf("%d answers, faults %v: expected 10, and that a stream has no end", r.Total.Answered, r.Faults)
	}
}

// A server that never answers has each query lost or, without a place, unsent.
func TestSilence(t *testing.T) {
	server := serveDoQ(t, quic.Config{}, func(*quic.Stream, []byte, int64) {})
	for _, handshake := range []load.Handshake{load.Persistent, load.Full} {
		run := test{options: options(server.addr, load.DoQ), plan: pace.Plan{Rate: 500, RateAtEnd: 500, Duration: 200 * time.Millisecond}}
		run.options.Timeout, run.options.Handshake = short, handshake
		if handshake != load.Persistent {
			run.options.Depth = 1
		}
		r := run.run(t)
		if r.Total.Due != 100 || r.Total.Answered != 0 || r.Total.Lost == 0 {
			t.Errorf("%s: due %d, answered %d, lost %d, unsent %d: expected 100 in all, lost or unsent", handshake, r.Total.Due, r.Total.Answered, r.Total.Lost, r.Total.Unsent)
		}
	}
	run := test{options: options(server.addr, load.DoQ), plan: limited(30)}
	run.options.Timeout = short
	if r := run.run(t); r.Total.Lost != 30 {
		t.Errorf("closed loop: %d lost: expected 30", r.Total.Lost)
	}
}

func TestStatuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		odd     result.Oddities
		fault   string
	}{
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, result.Oddities{Status: 1}, "HTTP status 500"},
		{"429 with a body", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "slowly", http.StatusTooManyRequests) }, result.Oddities{Status: 1}, "HTTP status 429"},
		{"404", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, result.Oddities{Status: 1}, "HTTP status 404"},
		{"no DNS", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, result.Oddities{Malformed: 1}, ""},
		{"nothing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, result.Oddities{Malformed: 1}, ""},
		{"early hints", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(103)
			answerHTTP(t)(w, r)
		}, result.Oddities{}, ""},
		{"in pieces, with trailers", func(w http.ResponseWriter, r *http.Request) {
			query, _ := readHTTP(r)
			w.Header().Set("Trailer", "End")
			for _, b := range answerTo(query) {
				w.Write([]byte{b})
				w.(http.Flusher).Flush()
			}
			w.Header().Set("End", "yes")
		}, result.Oddities{}, ""},
		{"the largest", func(w http.ResponseWriter, r *http.Request) {
			query, _ := readHTTP(r)
			w.Write(largest(query))
		}, result.Oddities{}, ""},
		{"larger", func(w http.ResponseWriter, r *http.Request) {
			w.Write(make([]byte, 2*longestAnswer))
		}, result.Oddities{Malformed: 1}, ""},
		{"a panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, result.Oddities{}, "the server has reset the stream of a query: error 0x102"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var n atomic.Int64
			server := serveDoH3(t, func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == 5 {
					tt.handler(w, r)
				} else {
					answerHTTP(t)(w, r)
				}
			})
			run := test{options: options(server.addr, load.DoH3), plan: limited(10)}
			r := run.run(t)
			var lost uint64
			if tt.odd != (result.Oddities{}) || tt.fault != "" {
				lost = 1
			}
			if r.Total.Odd != tt.odd || r.Total.Lost != lost || faults(r) != tt.fault {
				t.Errorf("lost %d, odd %+v, faults %v: expected %d, %+v, %q", r.Total.Lost, r.Total.Odd, r.Faults, lost, tt.odd, tt.fault)
			}
		})
	}
}

// Cookies that the server has given go back to it.
func TestCookies(t *testing.T) {
	var returned atomic.Int64
	server := serveDoQ(t, quic.Config{}, func(s *quic.Stream, q []byte, _ int64) {
		a := answerTo(q)
		// The option is the last one: code 10, 8 or 16 bytes.
		at := bytes.LastIndex(a, []byte{0, 10, 0, 8})
		if at < 0 {
			returned.Add(1)
		} else { // give one
			a = append(a, "12345678"...)
			a[at+3] = 16
			rdata := at - 2
			a[rdata+1] += 8
		}
		write(s, framed(a))
	})
	run := test{options: options(server.addr, load.DoQ), plan: limited(20), query: query.Options{Cookie: true}}
	run.options.Clients, run.options.Depth = 1, 1
	answered(t, run.run(t), 20)
	if returned.Load() != 19 {
		t.Errorf("%d queries with the server's cookie: expected 19, all but the first", returned.Load())
	}
}
