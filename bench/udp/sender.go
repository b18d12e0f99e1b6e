package udp

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"yushan/bench/load"
)

const (
	// retry is how soon a full send buffer is tried again.
	retry = int64(100 * time.Microsecond)
	// dropsInterval is how often the sockets' drops are asked for.
	dropsInterval = int64(time.Second)
	// maxTable is how many slots the tables of a sender have together, but for
	// minTable that each has.
	maxTable, minTable = 1 << 20, 1 << 10

	never = math.MaxInt64
)

// Run sends the queries of one worker, and returns when each of them has its end: when
// the last is answered or its time is over, or when ctx ends. An error means that
// nothing could be sent at all.
func Run(ctx context.Context, w *load.Work) error {
	s, err := newSender(w)
	if err != nil {
		return fmt.Errorf("UDP: %w", err)
	}
	defer s.close()
	defer context.AfterFunc(ctx, func() { s.aborted.Store(true) })()
	// The timer slack is the thread's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err == nil {
		defer unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // back to the default
	}
	if err := s.run(); err != nil {
		return fmt.Errorf("UDP: %w", err)
	}
	return nil
}

// client is a socket, with what the server may take for one client.
type client struct {
	fd     int
	table  table
	cookie []byte
	drops  uint32 // that have been counted
}

// sender is a worker at its work. All of it is its own thread's but for aborted.
type sender struct {
	work    *load.Work
	target  target
	timeout int64
	clients []client
	turn    int // of the client that sends the next batch
	epoll   int
	events  [8]unix.EpollEvent
	clock   clock

	in       *incoming
	arrivals [batchLen]arrival
	out      *outgoing
	queries  [batchLen]outQuery // those of out
	from     *client            // whose they are
	closed   bool               // loop
	stopped  bool               // no more are taken
	noID     bool               // a query that is due waits until one ends
	toldNoID bool
	pauseEnd int64 // of a closed loop whose queries can't be sent

	sources *sources // nil: sockets are connected
	jar     jar      // with sources

	lead      int64 // see late
	underWay  int
	expiry    int64 // no query is given up before
	dropsNext int64 // when to ask for drops
	aborted   atomic.Bool
}

// newSender opens the sockets.
func newSender(w *load.Work) (_ *sender, err error) {
	s := &sender{
		work: w, timeout: int64(w.Options.Timeout), closed: w.Schedule.Closed(),
		clock: newClock(w.Began), epoll: -1, expiry: never,
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.target, err = newTarget(w.Options.Server); err != nil {
		return nil, err
	}
	if len(w.Options.Sources) > 0 {
		s.sources = newSources(w.Options.Sources, w.Worker, w.Workers)
		if err = s.sources.check(s.target); err != nil {
			return nil, err
		}
		if w.Queries.Cookies() {
			s.jar = jar{}
		}
	}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	slots := min(maxSlots, max(minTable, maxTable/w.Options.Clients))
	for i := range w.Options.Clients {
		fd, err := s.open(i)
		if err != nil {
			return nil, err
		}
		s.clients = append(s.clients, client{fd: fd, table: newTable(slots)})
	}
	s.in = newIncoming(s.sources != nil)
	s.out = newOutgoing(s.sources != nil, s.target)
	return s, nil
}

// open opens the socket of client i.
func (s *sender) open(i int) (fd int, err error) {
	if fd, err = s.target.open(); err != nil {
		return -1, err
	}
	if s.sources == nil {
		err = s.target.connect(fd)
	} else {
		err = s.target.tellErrors(fd)
	}
	if err == nil && s.jar != nil {
		err = s.target.tellDestination(fd)
	}
	if err == nil {
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		err = os.NewSyscallError("epoll_ctl", unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &event))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (s *sender) close() {
	for i := range s.clients {
		unix.Close(s.clients[i].fd)
	}
	if s.epoll >= 0 {
		unix.Close(s.epoll)
	}
}

// run sends and receives by turns, and sleeps when there is neither to do.
func (s *sender) run() error {
	for {
		now := s.clock.now()
		if s.aborted.Load() {
			s.abort(now)
			return nil
		}
		if !s.stopped && s.work.Stop.Load() {
			s.stop(now)
		}
		s.send(now)
		empty, err := s.receive()
		if err != nil {
			s.abort(now)
			return err
		}
		if s.expires(now, empty) {
			s.expire(now)
		}
		if now >= s.dropsNext {
			s.countDrops()
			s.dropsNext = now + dropsInterval
		}
		next, done := s.next(now)
		if done && s.underWay == 0 {
			s.countDrops()
			return nil
		}
		if empty {
			s.sleep(min(next, s.expiry))
		}
	}
}

// countDrops records what the sockets had no room for since it was last asked.
func (s *sender) countDrops() {
	var drops uint64
	for i := range s.clients {
		c := &s.clients[i]
		if all, err := queueDrops(c.fd); err == nil {
			drops += uint64(all - c.drops)
			c.drops = all
		}
	}
	if drops > 0 {
		s.work.Recorder.Lock()
		s.work.Recorder.Drops(drops)
		s.work.Recorder.Unlock()
	}
}
