package overquic

import "slices"

// task is a query that has been taken from the schedule.
type task struct {
	index      uint32
	class      uint8
	told       bool // the Recorder knows that it has been sent
	nonce      uint64
	due, taken int64
}

// dispatch gives what is due to free places. Clients take turns by calls, so that queries
// that are due together share packets. self, unless nil, is the place whose goroutine
// calls; mine: it has got a query, too. The lock must be held.
func (w *worker) dispatch(self *place) (mine bool) {
	given := false
	for {
		now := w.Now()
		w.expire(now)
		due := w.isDue(now)
		if !due {
			w.fullSince = -1
			break
		}
		p := w.place()
		if p == nil {
			if w.fullSince < 0 {
				w.fullSince = now
			}
			break
		}
		given = true
		p.query, p.has = w.take(now), true
		w.underway++
		if p == self {
			mine = true
		} else {
			p.wake <- struct{}{}
		}
	}
	if given && w.ready.count > 1 {
		if c := w.ready.pop(); c.open() {
			w.ready.push(c)
		}
	}
	return mine
}

// isDue tells whether a query can be taken. The lock must be held.
func (w *worker) isDue(now int64) bool {
	if len(w.returned) > 0 {
		return true
	}
	if w.exhausted() {
		return false
	}
	if w.Schedule.Closed() {
		return w.underway < w.Options.Concurrency
	}
	due, _ := w.Schedule.Peek()
	return due <= now
}

// take takes the next query. There must be one. The lock must be held.
func (w *worker) take(now int64) task {
	if len(w.returned) > 0 {
		q := w.returned[0]
		w.returned = w.returned[1:]
		return q
	}
	q := task{due: now, taken: now}
	if !w.Schedule.Closed() {
		q.due, _ = w.Schedule.Peek()
		if w.fullSince >= 0 { // that it is taken late is not the client's lag
			q.taken = max(q.due, w.fullSince)
		}
	}
	w.Schedule.Take()
	q.index = w.Cursor.Next()
	q.class = w.Queries.Class(q.index)
	w.nonces++
	q.nonce = mix(uint64(w.Worker)<<48 + w.nonces)
	return q
}

// mix spreads a number over 64 bits, each its own (the finalizer of splitmix64).
func mix(n uint64) uint64 {
	n *= 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// expire counts queries whose time is over before they could be sent. The lock must be
// held.
func (w *worker) expire(now int64) {
	for len(w.returned) > 0 && w.returned[0].due+w.timeout <= now {
		w.drop(w.take(now))
	}
	if w.Schedule.Closed() {
		return
	}
	for {
		due, more := w.Schedule.Peek()
		if !more || w.ended || due+w.timeout > now {
			return
		}
		w.drop(w.take(now))
	}
}

// end takes no more queries. Those that are due count as unsent. The lock must be held.
func (w *worker) end(now int64) {
	if w.ended {
		return
	}
	for !w.Schedule.Closed() || len(w.returned) > 0 {
		if !w.isDue(now) {
			break
		}
		w.drop(w.take(now))
	}
	w.ended = true
}

// giveBack takes a query from its place, to be sent again in another one.
func (w *worker) giveBack(p *place) {
	w.mu.Lock()
	over := w.leave(p)
	if w.ended {
		w.drop(p.query)
	} else {
		w.returned = slices.Insert(w.returned, 0, p.query)
		w.dispatch(nil)
	}
	w.mu.Unlock()
	over.close()
}

// leave lets a place have no query. If it was the last one of a session that has been
// retired, that is returned, to be closed. The lock must be held.
func (w *worker) leave(p *place) (over *session) {
	if !p.has {
		return nil
	}
	p.has = false
	w.underway--
	s := p.session
	if s == nil {
		return nil
	}
	s.busy--
	if s.busy > 0 {
		return nil
	}
	if s.retired {
		return s
	}
	s.hope()
	return nil
}

// free lets a place have the next query; again: it has it.
func (w *worker) free(p *place) (again bool) {
	w.mu.Lock()
	over := w.leave(p)
	p.session = nil
	p.client.idle = append(p.client.idle, p)
	if p.client.open() {
		w.ready.push(p.client)
	}
	again = w.dispatch(p)
	last := w.underway == 0 && len(w.returned) == 0 && w.exhausted()
	w.mu.Unlock()
	over.close()
	if last {
		w.timer.Wake() // an error of the timer's is the pacer's to find
	}
	return again
}

// drop counts a query that isn't sent any more.
func (w *worker) drop(q task) {
	w.Recorder.Lock()
	if q.told {
		w.Recorder.Lost(q.class, q.due)
	} else {
		w.Recorder.Unsent(q.class, q.due)
	}
	w.Recorder.Unlock()
}
