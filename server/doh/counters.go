package doh

import (
	"sync/atomic"

	"yushan/server/doh/exchange"
)

// Requests are the totals of requests by one version of HTTP. Requests that the
// transport itself refuses, since they are none, are among them if it answers
// them.
type Requests struct {
	// Status is how often each status was answered; those that never were aren't in
	// it. Its sum is the number of requests.
	Status   map[int]uint64
	BytesIn  uint64 // of messages: content of POST, base64url of GET with its target
	BytesOut uint64 // of content
}

// Total is the number of requests.
func (r Requests) Total() (total uint64) {
	for _, n := range r.Status {
		total += n
	}
	return total
}

// statuses are those that a tally tells apart; others are counted under the last one
// of their class, or the last of all.
var statuses = [...]int{200, 400, 404, 405, 408, 413, 414, 415, 431, 503, 500}

// place is where a status is counted.
func place(status int) int {
	for i, s := range statuses {
		if s == status {
			return i
		}
	}
	if status < 500 {
		return 1
	}
	return len(statuses) - 1
}

// tally is one part of a server's requests. A connection adds to the same one all
// its life; others do too, but few at once.
type tally struct {
	status            [len(statuses)]atomic.Uint64
	bytesIn, bytesOut atomic.Uint64
	_                 [64]byte // no cache line is another tally's, too
}

func (t *tally) add(req *exchange.Request, res *exchange.Response) {
	t.status[place(res.Status)].Add(1)
	if req.Method == "POST" {
		t.bytesIn.Add(uint64(len(req.Body)))
	} else {
		t.bytesIn.Add(uint64(len(req.Path)))
	}
	if req.Method != "HEAD" {
		t.bytesOut.Add(uint64(len(res.Body)))
	}
}

// tallies are all parts. Connections take them in turn, so that cores hardly
// ever write to the same memory.
type tallies struct {
	next  atomic.Uint32
	parts [16]tally
}

func (t *tallies) take() *tally {
	return &t.parts[t.next.Add(1)%uint32(len(t.parts))]
}

func (t *tallies) sum() Requests {
	sum := Requests{Status: map[int]uint64{}}
	for i := range t.parts {
		part := &t.parts[i]
		for k, status := range statuses {
			if n := part.status[k].Load(); n > 0 {
				sum.Status[status] += n
			}
		}
		sum.BytesIn += part.bytesIn.Load()
		sum.BytesOut += part.bytesOut.Load()
	}
	return sum
}
