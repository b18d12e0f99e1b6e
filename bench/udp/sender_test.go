package udp

import (
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"yushan/bench/load"
	"yushan/bench/query"
	"yushan/internal/fakedns"
)

// replaced makes a sender whose first client has another socket.
func replaced(t *testing.T, w *load.Work, fd int) *sender {
	t.Helper()
	s, err := newSender(w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if err := unix.Dup3(fd, s.clients[0].fd, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN}
	if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, s.clients[0].fd, &event); err != nil {
		t.Fatal(err)
	}
	return s
}

// nobody is an address to which nothing is sent.
var nobody = netip.MustParseAddrPort("127.0.0.1:9")

// A send buffer that is full delays queries, in order; those for which it is full for
// too long are given up.
func TestFullSendBuffer(t *testing.T) {
	// A pair of Unix sockets is full when some messages wait to be read.
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	const n = 2000
	w := newWork(t, queries(t, n, query.Options{}), constant(n, 1e6), load.Options{Server: nobody, Timeout: 300 * time.Millisecond})
	s := replaced(t, w, fds[0])
	ended := make(chan error, 1)
	go func() { ended <- s.run() }()
	answered := make(chan int)
	go func() {
		// The first half are answered, slowly; then nothing is read any more.
		buf := make([]byte, 512)
		count := 0
		for count < n/2 {
			got, err := unix.Read(fds[1], buf)
			if err != nil {
				time.Sleep(100 * time.Microsecond)
				continue
			}
			if !strings.HasPrefix(string(buf[13:got]), "q"+strconv.Itoa(count)+"\x07example") {
				t.Errorf("query %d is %q", count, buf[13:got])
				break
			}
			for unix.Send(fds[1], fakedns.Answer(buf[:got], 0), 0) != nil {
				time.Sleep(100 * time.Microsecond)
			}
			count++
		}
		answered <- count
	}()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	count := <-answered
	r := recorded(t, w)
	if r.Total.Due != n || r.Total.Unsent == 0 || r.Total.Answered == 0 || r.Total.Answered > uint64(count) || len(r.Faults) != 0 {
		t.Errorf("%d due, %d unsent, %d answered by us, %d as they say, faults %v; expected %d, some, as many, none",
			r.Total.Due, r.Total.Unsent, count, r.Total.Answered, r.Faults, n)
	}
}

// Queries that find no ID wait for one, if need be until it is too late to be of use.
func TestOutOfIDs(t *testing.T) {
	server := fakedns.Start(t, fakedns.UDP, fakedns.After(150, fakedns.Silent, fakedns.Good))
	const n = 400
	w := newWork(t, queries(t, 10, query.Options{}), constant(n, 400),
		load.Options{Server: server.Addr, Timeout: 3 * time.Second, Clients: 2})
	s, err := newSender(w)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for i := range s.clients {
		s.clients[i].table = newTable(50)
	}
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	r := recorded(t, w)
	if r.Total.Due != n || r.Total.Lost+r.Total.Unsent < 100 {
		t.Errorf("%d due, %d lost, %d unsent, expected %d, and the IDs of 100 to be lost", r.Total.Due, r.Total.Lost, r.Total.Unsent, n)
	}
	if lag := r.Client.Lag.Max(); lag < 2*time.Second {
		t.Errorf("lag up to %s, expected that queries had to wait for the others' timeout", lag)
	}
	if len(r.Faults) != 1 || r.Faults[0].Text != errNoID.Error() {
		t.Errorf("faults %v, expected %q", r.Faults, errNoID)
	}
}

// Queries are given up when all has been read that came in time, or when that never ends.
func TestQueriesExpireInFloods(t *testing.T) {
	const at = int64(5 * time.Second)
	for _, tt := range []struct {
		expiry, now int64
		empty, want bool
	}{
		{at, at - 1, true, false},
		{at, at, true, true},
		{at, at, false, false},
		{at, at + overrun - 1, false, false},
		{at, at + overrun, false, true},
		{never, at, true, false},
		{never, at, false, false},
	} {
		s := &sender{expiry: tt.expiry}
		if got := s.expires(tt.now, tt.empty); got != tt.want {
			t.Errorf("at %d of %d, all read %v: %v, expected %v", tt.now, tt.expiry, tt.empty, got, tt.want)
		}
	}
}

// A query that the kernel refuses is told of, and keeps no other back.
func TestRefusedBySystem(t *testing.T) {
	for name, plan := range map[string]struct {
		closed bool
	}{"open loop": {false}, "closed loop": {true}} {
		t.Run(name, func(t *testing.T) {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			const n = 200
			p := constant(n, 1e4)
			if plan.closed {
				p = closedLoop(n)
			}
			w := newWork(t, queries(t, 10, query.Options{}), p, load.Options{Server: nobody, Concurrency: 50})
			s := replaced(t, w, fd) // it is not connected
			if err := s.run(); err != nil {
				t.Fatal(err)
			}
			r := recorded(t, w)
			expect(t, r, came{unsent: n})
			if len(r.Faults) != 1 || r.Faults[0].Count != n || !strings.Contains(r.Faults[0].Text, "not connected") {
				t.Errorf("faults %v, expected that the socket isn't connected, %d times", r.Faults, n)
			}
		})
	}
}

// Answers for which there is no room are counted as such.
func TestDrops(t *testing.T) {
	server := fakedns.Start(t, fakedns.UDP, fakedns.Good)
	const n = 1000
	w := newWork(t, queries(t, n, query.Options{}), constant(n, 1e5), load.Options{Server: server.Addr, Timeout: time.Second})
	s, err := newSender(w)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := setInt(s.clients[0].fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil { // as small as can be
		t.Fatal(err)
	}
	// The worker sends everything before it reads anything.
	for done := false; !done; {
		s.send(s.clock.now())
		_, done = s.next(s.clock.now())
	}
	until(t, "the last answer", func() bool {
		e := server.Exchanges()
		return len(e) == n && !e[n-1].Done.IsZero()
	})
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	r := recorded(t, w)
	if r.Client.SocketDrops == 0 || r.Client.SocketDrops != r.Total.Lost {
		t.Errorf("%d drops, %d lost, expected some and as many", r.Client.SocketDrops, r.Total.Lost)
	}
}

// From the first query to the last there is no allocation.
func TestNoAllocationPerQuery(t *testing.T) {
	for name, sources := range map[string][]netip.Prefix{"connected": nil, "sources": prefixes("127.5.0.0/29")} {
		t.Run(name, func(t *testing.T) {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback.As4()}); err != nil {
				t.Fatal(err)
			}
			name, err := unix.Getsockname(fd)
			if err != nil {
				t.Fatal(err)
			}
			addr := netip.AddrPortFrom(loopback, uint16(name.(*unix.SockaddrInet4).Port))
			mallocs := func(n int) uint64 {
				w := newWork(t, queries(t, 100, query.Options{Cookie: true}), closedLoop(n),
					load.Options{Server: addr, Concurrency: 100, Sources: sources})
				w.Judge = func(uint32, uint64, []byte) {}
				s, err := newSender(w)
				if err != nil {
					t.Fatal(err)
				}
				defer s.close()
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				if err := s.run(); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				expect(t, recorded(t, w), came{answered: uint64(n)})
				return after.Mallocs - before.Mallocs
			}
			defer unix.Close(fd)
			var stop atomic.Bool
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				echo(fd, &stop)
			}()
			defer func() {
				stop.Store(true)
				<-stopped
			}()
			few, many := mallocs(1000), mallocs(21_000)
			t.Logf("%d allocations in a run of 1,000 queries, %d in one of 21,000", few, many)
			// The runtime has its own now and then.
			if many > few+100 {
				t.Errorf("%d allocations in a run of 1,000 queries, %d in one of 21,000, expected no more", few, many)
			}
		})
	}
}

// echo answers queries with themselves until it is told to stop, and allocates nothing.
func echo(fd int, stop *atomic.Bool) {
	in, out := newIncoming(true), newOutgoing(false, target{})
	for !stop.Load() {
		n, errno := in.receive(fd)
		if errno != 0 {
			sleep(fd, 10*time.Millisecond)
			continue
		}
		out.reset()
		for i := range n {
			message := in.message(i)
			message[2] |= 0x80
			out.add(copy(out.room(), message))
			h := &out.messages[i].Hdr
			h.Name, h.Namelen = in.messages[i].Hdr.Name, in.messages[i].Hdr.Namelen
		}
		for out.sent < out.ready {
			if _, errno := out.send(fd); errno != 0 && errno != unix.EAGAIN {
				out.sent++
			}
		}
	}
}
