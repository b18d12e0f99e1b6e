package stream

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"yushan/internal/testengine"
	"yushan/server/query"
)

func TestIdleTimeout(t *testing.T) {
	const timeout = time.Second
	s := start(t, Limits{IdleTimeout: timeout})
	silent, asked := dial(t, s), dial(t, s)
	begin := time.Now()
	asked.exchange(1)
	silent.closed()
	asked.closed()
	if waited := time.Since(begin); waited < timeout {
		t.Errorf("closed after %v, before the time-out of %v", waited, timeout)
	}
	eventually(t, "idle time-outs aren't counted", func() bool { return s.Counters().IdleTimeouts == 2 })
}

// A frame has to come to its end in time, however its bytes are dripping in; idle
// time doesn't count then.
func TestFrameTimeout(t *testing.T) {
	s := start(t, Limits{FrameTimeout: 100 * time.Millisecond, IdleTimeout: patience})
	quiet, dripping := dial(t, s), dial(t, s)
	quiet.send([]byte{0})
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		// 4000 bytes, so it would take a while.
		dripping.Write([]byte{0x0f, 0xa0})
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				dripping.Write([]byte{1})
			}
		}
	}()
	quiet.closed()
	dripping.closed()
	close(stop)
	<-stopped
	eventually(t, "frame time-outs aren't counted", func() bool { return s.Counters().FrameTimeouts == 2 })
}

// slow is a client that asks for much and reads nothing.
func slow(t *testing.T, s *Server) *client {
	t.Helper()
	c := dial(t, s)
	if err := c.socket().SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	return c
}

// greed sends queries until the connection ends.
func (c *client) greed() {
	frame := testengine.Frame(testengine.LongQuery(c.t, 1))
	many := bytes.Repeat(frame, 100)
	for {
		if _, err := c.Write(many); err != nil {
			return
		}
	}
}

func TestSlowReaderIsCutOff(t *testing.T) {
	s := start(t, Limits{WriteTimeout: 100 * time.Millisecond})
	go slow(t, s).greed()
	eventually(t, "the slow reader isn't cut off", func() bool { return s.Counters().SlowReaders == 1 })
	eventually(t, "the slow reader's memory isn't given back", func() bool { return s.Counters().PendingBytes == 0 })
	dial(t, s).exchange(1)
}

// Slow readers hold no workspace, and others are served meanwhile. Those who read
// in the end lose nothing.
func TestSlowReadersCostTheirBytesOnly(t *testing.T) {
	const clients = 20
	s := start(t, Limits{WriteTimeout: 10 * patience, IdleTimeout: 10 * patience})
	var all []*client
	for range clients {
		c := slow(t, s)
		all = append(all, c)
		go c.greed()
	}
	eventually(t, "nobody is slow", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		blocked := 0
		for _, c := range s.table.conns {
			if p, _ := c.waits(); p == writing {
				blocked++
			}
		}
		return blocked == clients
	})
	dial(t, s).exchange(1)
	s.workspaces.mu.Lock()
	made, free := len(s.workspaces.all), len(s.workspaces.free)
	s.workspaces.mu.Unlock()
	if made >= clients || made-free > 2 {
		t.Errorf("%d workspaces made, %d of them free, for %d slow readers", made, free, clients)
	}
	if pending := s.Counters().PendingBytes; pending == 0 || pending > clients*(writeBytes+readBytes) {
		t.Errorf("%d bytes pending for %d slow readers", pending, clients)
	}
	for _, c := range all[:3] {
		c.SetReadDeadline(time.Now().Add(patience))
		for range 500 { // 10 MB, more than the kernel holds
			c.receive(testengine.LongQuery(t, 1))
		}
	}
}

func TestPendingBytesAreLimited(t *testing.T) {
	s := start(t, Limits{MaxPendingBytes: 1, WriteTimeout: 10 * patience, IdleTimeout: 10 * patience})
	go slow(t, s).greed()
	eventually(t, "the slow reader isn't cut off", func() bool { return s.Counters().SlowReaders == 1 })
	dial(t, s).exchange(1)
}

func TestQueriesPerConnection(t *testing.T) {
	s := start(t, Limits{MaxQueries: 3})
	c := dial(t, s)
	for n := range 5 {
		c.send(testengine.Frame(testengine.Query(t, n)))
	}
	for n := range 3 {
		c.receive(testengine.Query(t, n))
	}
	c.closed()
}

// With no place left, the connection that has waited longest makes room.
func TestNewConnectionEvictsTheLongestIdle(t *testing.T) {
	s := start(t, Limits{MaxConns: 4, MaxConnsPerClient: 4, IdleTimeout: patience, FrameTimeout: patience, WriteTimeout: patience})
	var clients []*client
	for n := range 4 {
		c := dial(t, s)
		c.exchange(n)
		clients = append(clients, c)
	}
	nextTick := func() {
		tick := s.tick.Load()
		eventually(t, "no sweep", func() bool { return s.tick.Load() > tick+1 })
	}
	for _, n := range []int{0, 1, 3} {
		nextTick()
		clients[n].exchange(n)
	}
	nextTick()
	dialFrom(t, s, "127.0.0.2").exchange(1)
	clients[2].closed()
	for _, n := range []int{0, 1, 3} {
		clients[n].exchange(n)
	}
	if counters := s.Counters(); counters.Evicted != 1 || counters.Refused != 0 || counters.Open != 4 {
		t.Errorf("counters %+v: expected 4 open, 1 evicted, none refused", counters)
	}
}

func TestConnectionsPerClient(t *testing.T) {
	s := start(t, Limits{MaxConns: 10, MaxConnsPerClient: 2})
	first, second := dial(t, s), dial(t, s)
	first.exchange(1)
	second.exchange(2)
	dial(t, s).closed()
	dialFrom(t, s, "127.0.0.2").exchange(3)
	first.exchange(4)
	first.Close()
	eventually(t, "the first connection stays open", func() bool { return s.Counters().Open == 2 })
	dial(t, s).exchange(5)
	if n := s.Counters().Refused; n != 1 {
		t.Errorf("%d connections refused, expected 1", n)
	}
}

func TestClientKey(t *testing.T) {
	for _, tt := range []struct {
		one, other string
		same       bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:0:0:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
	} {
		same := clientKey(netip.MustParseAddr(tt.one)) == clientKey(netip.MustParseAddr(tt.other))
		if same != tt.same {
			t.Errorf("%s and %s count as one client: %v", tt.one, tt.other, same)
		}
	}
}

// RFC 7828 §3.2.1: the server tells its idle time-out; RFC 7766 §6.2.3: which
// shrinks when connections become scarce.
func TestKeepaliveOption(t *testing.T) {
	s := start(t, Limits{MaxConns: 20, MaxConnsPerClient: 20, IdleTimeout: 10 * time.Second})
	c := dial(t, s)
	offered := func() uint16 {
		m := testengine.NewQuery(1)
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE})
		c.send(testengine.Frame(testengine.Pack(t, m)))
		answer, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		var got dns.Msg
		if err := got.Unpack(answer); err != nil {
			t.Fatalf("%x: %v", answer, err)
		}
		if opt := got.IsEdns0(); opt != nil {
			for _, option := range opt.Option {
				if keepalive, ok := option.(*dns.EDNS0_TCP_KEEPALIVE); ok {
					return keepalive.Timeout
				}
			}
		}
		t.Fatalf("no keepalive option in %s", &got)
		return 0
	}
	if units := offered(); units != 100 {
		t.Errorf("offered %d units of 100 ms, expected 100", units)
	}
	for range 18 {
		dial(t, s).exchange(1)
	}
	few := offered()
	if few >= 100 || few < 10 {
		t.Errorf("with 19 connections of 20 offered %d units, expected 10 to 99", few)
	}
	dial(t, s).exchange(1)
	if units := offered(); units != 10 {
		t.Errorf("with 20 connections of 20 offered %d units, expected 10", units)
	}
}

func TestIdleTimeoutShrinks(t *testing.T) {
	limits := Limits{MaxConns: 1000, IdleTimeout: 10 * time.Second}
	for _, tt := range []struct {
		open int
		want time.Duration
	}{
		{0, 10 * time.Second}, {750, 10 * time.Second}, {875, 5500 * time.Millisecond}, {1000, time.Second}, {1001, time.Second},
	} {
		if got := limits.idleTimeout(tt.open).Round(time.Millisecond); got != tt.want {
			t.Errorf("%d of 1000 connections: idle time-out %v, expected %v", tt.open, got, tt.want)
		}
	}
	if got := (Limits{MaxConns: 1, IdleTimeout: time.Second}).idleTimeout(1); got != time.Second {
		t.Errorf("the only connection: %v", got)
	}
}

// Thousands of idle connections are cheap: a goroutine, a descriptor, no buffer;
// on TLS its keys, and a buffer of crypto/tls's.
func TestManyIdleConnections(t *testing.T) {
	for transport, most := range map[query.Transport]int64{query.TCP: 12 << 10, dot: 24 << 10} {
		if raceDetector { // its goroutines' stacks are often twice as large
			most += 8 << 10
		}
		t.Run(transport.String(), func(t *testing.T) {
			const clients = 500
			s := startOn(t, transport, Limits{MaxConns: clients + 10, MaxConnsPerClient: clients + 10, IdleTimeout: 10 * patience})
			var conns []net.Conn
			defer func() {
				for _, c := range conns {
					c.Close()
				}
			}()
			dial(t, s).exchange(1)
			before := heapBytes()
			frame := testengine.Frame(testengine.Query(t, 1))
			for n := range clients {
				c, err := net.Dial("tcp", s.Addr().String())
				if err != nil {
					t.Fatalf("connection %d: %v", n, err)
				}
				conns = append(conns, c) // without what TLS needs at this side
				if _, err := secureFor(s, c).Write(frame); err != nil {
					t.Fatalf("connection %d: %v", n, err)
				}
			}
			eventually(t, "connections are missing", func() bool {
				counters := s.Counters()
				return counters.Open >= clients && counters.Responses >= clients
			})
			each := (heapBytes() - before) / clients
			t.Logf("%d bytes for each connection, the client's socket included", each)
			if each > most {
				t.Errorf("an idle connection takes %d bytes, expected at most %d", each, most)
			}
			dial(t, s).exchange(1)
			if counters := s.Counters(); counters.Evicted != 0 || counters.PendingBytes != 0 {
				t.Errorf("counters %+v: expected none evicted, nothing pending", counters)
			}
		})
	}
}

// Without file descriptors accepting pauses; waiting connections make room.
func TestNoFileDescriptors(t *testing.T) {
	s := start(t, Limits{IdleTimeout: 10 * patience})
	idler := dial(t, s)
	idler.exchange(1)
	newcomer, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(newcomer)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	// The lowest free number is where new descriptors begin.
	free, err := unix.Dup(newcomer)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(free)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(free), Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	addr := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: int(s.Addr().Port())}
	if err := unix.Connect(newcomer, addr); err != nil {
		t.Fatal(err)
	}
	query := testengine.Frame(testengine.Query(t, 1))
	if _, err := unix.Write(newcomer, query); err != nil {
		t.Fatal(err)
	}
	idler.closed()
	var answer [512]byte
	if n, err := unix.Read(newcomer, answer[:]); err != nil || n < len(query) {
		t.Errorf("the newcomer's answer has %d bytes, error %v", n, err)
	}
	if counters := s.Counters(); counters.AcceptErrors == 0 || counters.Evicted != 1 {
		t.Errorf("counters %+v: expected accept errors and 1 evicted", counters)
	}
}
