package udp

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"yushan/server/query"
)

const (
	// sendPatience is how long a batch of answers waits in all for room in the
	// send buffer. Queries that arrive meanwhile wait in the receive buffer.
	sendPatience = 100 * time.Millisecond
	// receiveBackoff follows a read that failed for no reason that is expected.
	receiveBackoff = 10 * time.Millisecond
)

// worker serves one socket.
type worker struct {
	fd     int
	batch  *batch
	query  *query.Worker
	req    query.Request
	engine *atomic.Pointer[query.Engine]
	// stopping: answer what is queued, then end. abort: end now.
	stopping, abort *atomic.Bool
	onPanic         func(query []byte, value any)
	tally           tally
	counters        counters
	_               [64]byte // the next worker's memory is another cache line
}

// run reads and answers until it is told to stop, and the queue is empty.
func (w *worker) run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for !w.abort.Load() {
		// In this order: what is queued before the flag is set, is seen after it.
		stopping := w.stopping.Load()
		n, errno := 0, unix.Errno(0)
		if stopping {
			n, errno = w.batch.receive(w.fd)
		} else {
			n, errno = w.batch.receiveWait(w.fd)
		}
		switch errno {
		case 0:
			w.answer(n)
		case unix.EAGAIN:
			if stopping {
				return nil
			}
			w.sleep()
		case unix.EINTR:
		case unix.EBADF, unix.ENOTSOCK, unix.EFAULT, unix.EINVAL:
			return fmt.Errorf("UDP worker: %w", os.NewSyscallError("recvmmsg", errno))
		default:
			w.counters.receiveErrors.Add(1)
			time.Sleep(receiveBackoff)
		}
	}
	return context.Canceled
}

// sleep waits for a query, or for the socket to be shut down. The scheduler knows of it.
func (w *worker) sleep() {
	fds := [1]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}
	unix.Poll(fds[:], int(recheck.Milliseconds())) // whatever it says, receiving decides
}

// tally is what a batch has come to so far.
type tally struct {
	at                            int // messages handled
	bytesIn, bytesOut, unanswered uint64
}

// answer handles the n messages of one receive.
func (w *worker) answer(n int) {
	engine := w.engine.Load()
	w.batch.ready, w.tally = 0, tally{}
	for w.tally.at < n {
		w.answerFrom(engine, n)
	}
	failed, unsentBytes := w.send()

	w.query.Publish()
	c := &w.counters
	c.batches.Add(1)
	c.queries.Add(uint64(n))
	c.bytesIn.Add(w.tally.bytesIn)
	c.responses.Add(uint64(w.batch.ready - failed))
	c.bytesOut.Add(w.tally.bytesOut - unsentBytes)
	if w.tally.unanswered > 0 {
		c.unanswered.Add(w.tally.unanswered)
	}
	if failed > 0 {
		c.sendErrors.Add(uint64(failed))
	}
}

// answerFrom answers what is left of the batch, or up to a query on which the
// engine panics.
func (w *worker) answerFrom(engine *query.Engine, n int) {
	defer w.caught()
	b, t := w.batch, &w.tally
	for t.at < n {
		i := t.at
		t.at++
		wire, client, ok := b.query(i)
		t.bytesIn += uint64(len(wire))
		if !ok {
			t.unanswered++
			continue
		}
		w.req.Wire, w.req.Client = wire, client
		length := engine.Answer(w.query, &w.req, b.answer())
		if length == 0 {
			t.unanswered++
			continue
		}
		t.bytesOut += uint64(length)
		b.queue(i, length)
	}
}

// caught ends a panic of the engine, and leaves the query without an answer.
func (w *worker) caught() {
	value := recover()
	if value == nil {
		return
	}
	w.tally.unanswered++
	w.counters.panics.Add(1)
	w.query.Reset()
	if w.onPanic != nil {
		w.onPanic(w.req.Wire, value)
	}
}

// send sends the batch's answers, and returns what of it the kernel wouldn't take.
// One that cannot be sent (no route, forbidden by a firewall) keeps no other back.
func (w *worker) send() (failed int, unsentBytes uint64) {
	patience := sendPatience
	for sent := 0; sent < w.batch.ready; {
		n, errno := w.batch.send(w.fd, sent)
		sent += n
		switch errno {
		case 0, unix.EINTR:
		case unix.EAGAIN:
			if patience > 0 {
				patience -= w.waitForRoom(patience)
				continue
			}
			fallthrough
		default:
			failed++
			unsentBytes += uint64(w.batch.outIOV[sent].Len)
			sent++
		}
	}
	return failed, unsentBytes
}

// waitForRoom waits until the socket can send, and returns how long, at least a
// millisecond. The scheduler knows of the wait.
func (w *worker) waitForRoom(limit time.Duration) time.Duration {
	start := time.Now()
	fds := [1]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLOUT}}
	unix.Poll(fds[:], int(limit.Milliseconds())) // whatever it says, sending decides
	return max(time.Since(start), time.Millisecond)
}
