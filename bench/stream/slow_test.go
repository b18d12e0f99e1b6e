package stream

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/bench/query"
)

// A server that does not read for a while holds up what it is sent, and nothing is lost
// or mixed up by that: more is sent than sockets have room for.
func TestSlowReader(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const queries = 40_000
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		time.Sleep(time.Second) // the queries are all due by then, mostly
		io.Copy(conn, &responder{from: conn})
	}()
	long := strings.Repeat(strings.Repeat("x", 60)+".", 4)
	set, err := query.ReadText(strings.NewReader(long+" A\n"), "queries", query.Options{Padding: true})
	if err != nil {
		t.Fatal(err)
	}
	c := &trial{
		Options: load.Options{Server: netip.MustParseAddrPort(l.Addr().String()), Transport: load.TCP, Clients: 1, Depth: maxDepth, Timeout: patience},
		Queries: set,
		Plan:    pace.Plan{Rate: 100_000, RateAtEnd: 100_000, Duration: 400 * time.Millisecond},
	}
	expectAnswered(t, c.run(t), queries)
}

// responder makes answers of the queries that it reads.
type responder struct {
	from io.Reader
	left []byte // not read yet by who reads the answers
}

func (r *responder) Read(dst []byte) (int, error) {
	if len(r.left) == 0 {
		message, err := readFrame(r.from)
		if err != nil {
			return 0, err
		}
		r.left = message
	}
	n := copy(dst, r.left)
	r.left = r.left[n:]
	return n, nil
}

// readFrame returns a query as its answer, with the length before it.
func readFrame(from io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, 2+int(head[0])<<8+int(head[1]))
	copy(frame, head[:])
	if _, err := io.ReadFull(from, frame[2:]); err != nil {
		return nil, err
	}
	frame[4] |= 0x80
	return frame, nil
}

// A kernel without epoll_pwait2 gives the same, by more calls.
func TestPoller(t *testing.T) {
	for _, coarse := range []bool{false, true} {
		p, err := newPoller()
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		p.coarse = coarse
		events := make([]unix.EpollEvent, 4)
		for _, pause := range []time.Duration{0, 5 * time.Millisecond} {
			began := time.Now()
			n, err := p.wait(events, pause)
			if n != 0 || err != nil || time.Since(began) < pause {
				t.Errorf("coarse %v: %d events, %v, after %s: expected none after %s", coarse, n, err, time.Since(began), pause)
			}
		}
		p.wake()
		if n, err := p.wait(events, patience); n != 1 || err != nil || events[0].Fd != wakeUp {
			t.Errorf("coarse %v: %d events, %v: expected the one that wakes", coarse, n, err)
		}
		p.woken()
		if n, err := p.wait(events, 0); n != 0 || err != nil {
			t.Errorf("coarse %v: %d events, %v: expected none", coarse, n, err)
		}
	}
}
