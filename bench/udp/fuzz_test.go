package udp

import (
	"testing"
	"time"

	"yushan/bench/load"
	"yushan/bench/query"
	"yushan/internal/fakedns"
)

// Whatever comes from the network with the ID of a query under way, is one thing, and
// ends the query only if it fits.
func FuzzArrived(f *testing.F) {
	for _, script := range []fakedns.Script{
		fakedns.Good, fakedns.Garbage, fakedns.WrongQuestion, fakedns.Truncated, fakedns.Echo, fakedns.WrongID,
		fakedns.Short(1), fakedns.Short(5), fakedns.Cookies("secret"),
	} {
		message := make([]byte, query.MaxBytes)
		set := queries(f, 1, query.Options{Cookie: true})
		message = message[:set.Put(message, 0, 0, 0, nil)]
		f.Add(script(&fakedns.Query{Message: message}).Messages[0], true)
		f.Add(message, false)
	}
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, message []byte, ours bool) {
		w := newWork(t, queries(t, 1, query.Options{Cookie: true}), constant(1, 1), load.Options{Server: nobody, Timeout: time.Hour})
		s := &sender{work: w, timeout: int64(time.Hour), clock: newClock(w.Began), in: newIncoming(false),
			clients: []client{{table: newTable(1)}}, underWay: 1}
		c := &s.clients[0]
		number, id := c.table.take()
		c.table.begin(number)
		w.Recorder.Sent(0, 0, 0, 40)
		n := copy(s.in.buffers[0], message)
		if ours && n >= 2 {
			s.in.buffers[0][0], s.in.buffers[0][1] = byte(id>>8), byte(id)
		}
		s.in.messages[0].Len = uint32(n)
		s.arrived(c, 1)
		if s.underWay == 1 {
			s.lose(never)
		}
		r := recorded(t, w)
		if r.Total.Answered+r.Total.Odd.Sum() != 1 {
			t.Errorf("%d answers and %+v of one message", r.Total.Answered, r.Total.Odd)
		}
		if cookie := len(c.cookie); cookie != 0 && (cookie < 16 || cookie > 40) {
			t.Errorf("a cookie of %d bytes is kept", cookie)
		}
	})
}
