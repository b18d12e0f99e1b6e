package stream

import "yushan/bench/measure"

// batch is what a turn has brought, so that the recorder's lock is taken once.
type batch struct {
	sent    []sent
	answers []measure.Answer
	lost    []fate
	missed  []fate
	odd     []odd
}

type sent struct {
	class      uint8
	due, taken int64
	bytes      int
}

type fate struct {
	class uint8
	due   int64
}

type odd struct {
	what  measure.Oddity
	class uint8
	at    int64
}

func (b *batch) lose(class uint8, due int64) { b.lost = append(b.lost, fate{class, due}) }

func (b *batch) miss(class uint8, due int64) { b.missed = append(b.missed, fate{class, due}) }

func (b *batch) oddity(what measure.Oddity, class uint8, at int64) {
	b.odd = append(b.odd, odd{what, class, at})
}

// record tells the recorder, and forgets.
func (b *batch) record(r *measure.Recorder) {
	if len(b.sent)+len(b.answers)+len(b.lost)+len(b.missed)+len(b.odd) == 0 {
		return
	}
	r.Lock()
	for i := range b.sent {
		s := &b.sent[i]
		r.Sent(s.class, s.due, s.taken, s.bytes)
	}
	for i := range b.answers {
		r.Answered(&b.answers[i])
	}
	for _, f := range b.lost {
		r.Lost(f.class, f.due)
	}
	for _, f := range b.missed {
		r.Unsent(f.class, f.due)
	}
	for _, o := range b.odd {
		r.Odd(o.what, o.class, o.at)
	}
	r.Unlock()
	b.sent, b.answers, b.lost, b.missed, b.odd = b.sent[:0], b.answers[:0], b.lost[:0], b.missed[:0], b.odd[:0]
}
