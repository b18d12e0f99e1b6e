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
	asked  []query.Request // of a batch; those that can be answered
	from   []int           // which message of the batch each of them is
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
	at                            int  // requests handled
	ahead                         bool // those that are not have been read ahead
	bytesIn, bytesOut, unanswered uint64
}

// answer handles the n messages of one receive: reads all of them, then looks
// their names up side by side, then answers one after the other.
func (w *worker) answer(n int) {
	engine := w.engine.Load()
	w.batch.ready, w.tally = 0, tally{}
	w.take(n)
	w.readAhead(engine)
	for w.tally.at < len(w.asked) {
		w.answerFrom(engine)
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

// take sorts out which of the n messages can be answered.
func (w *worker) take(n int) {
	w.asked, w.from = w.asked[:0], w.from[:0]
	for i := range n {
		wire, client, ok := w.batch.query(i)
		w.tally.bytesIn += uint64(len(wire))
		if !ok {
			w.tally.unanswered++
			continue
		}
		w.asked = append(w.asked, query.Request{Wire: wire, Client: client, Transport: query.UDP})
		w.from = append(w.from, i)
	}
}

// readAhead lets the engine read the whole batch. If it panics, at whichever query,
// it does so again when that one is to be answered by itself.
func (w *worker) readAhead(engine *query.Engine) {
	defer func() {
		if !w.tally.ahead {
			recover()
			w.query.Reset()
		}
	}()
	engine.ReadAhead(w.query, w.asked)
	w.tally.ahead = true
}

// answerFrom answers what is left of the batch, or up to a query on which the
// engine panics.
func (w *worker) answerFrom(engine *query.Engine) {
	defer w.caught()
	b, t := w.batch, &w.tally
	for t.at < len(w.asked) {
		i := t.at
		t.at++
		length := 0
		if t.ahead {
			length = engine.AnswerAhead(w.query, i, &w.asked[i], b.answer())
		} else {
			length = engine.Answer(w.query, &w.asked[i], b.answer())
		}
		if length == 0 {
			t.unanswered++
			continue
		}
		t.bytesOut += uint64(length)
		b.queue(w.from[i], length)
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
	w.tally.ahead = false // nothing is left of it
	if w.onPanic != nil {
		w.onPanic(w.asked[w.tally.at-1].Wire, value)
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
