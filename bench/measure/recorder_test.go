package measure

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"yushan/bench/result"
)

const ms = int64(time.Millisecond)

func shape() Shape {
	return Shape{Classes: 3, Duration: time.Second, Interval: 100 * time.Millisecond}
}

// record has one query of each fate, and every count with a figure of its own.
func record(r *Recorder) {
	r.Lock()
	defer r.Unlock()
	r.Sent(0, 10*ms, 11*ms, 40)
	r.Answered(&Answer{Class: 0, RCode: 3, Bytes: 100, Due: 10 * ms, Sent: 11 * ms, Received: 15 * ms})
	r.Sent(1, 250*ms, 250*ms, 50)
	r.Answered(&Answer{Class: 1, Truncated: true, Bytes: 12, Due: 250 * ms, Sent: 250 * ms, Received: 700 * ms})
	r.Sent(1, 990*ms, 990*ms, 50)
	r.Lost(1, 990*ms)
	r.Unsent(1, 995*ms)
	for what, times := range map[Oddity]int{Malformed: 1, Mismatched: 2, Unexpected: 3, Duplicate: 4, Late: 5, Status: 6} {
		for range times {
			r.Odd(what, 0, 5000*ms)
		}
	}
	r.Opened(2*time.Millisecond, true)
	r.Early()
	r.Failed(errors.New("refused"))
	r.Broken(errors.New("reset"))
	r.Broken(errors.New("reset"))
	r.Drops(7)
}

func TestFill(t *testing.T) {
	a, b := NewRecorder(shape()), NewRecorder(shape())
	record(a)
	record(b)
	var r result.Result
	Fill(&r, []*Recorder{a, b}, []string{"referral", "apex", "never"}, 950*time.Millisecond)

	counts := r.Total.Counts
	want := result.Counts{
		Due: 8, Sent: 6, Answered: 4, Lost: 2, Unsent: 2, Truncated: 2, SentBytes: 280, ReceivedBytes: 224,
		Odd: result.Oddities{Malformed: 2, Mismatched: 4, Unexpected: 6, Duplicate: 8, Late: 10, Status: 12},
	}
	want.RCodes[0], want.RCodes[3] = 2, 2
	if counts != want {
		t.Errorf("counts %+v,\nexpected %+v", counts, want)
	}
	if got := r.Total.Latency.Max().Round(10 * time.Millisecond); got != 450*time.Millisecond {
		t.Errorf("longest latency %s, expected 450ms", got)
	}
	if got := r.Client.Service.Min().Round(time.Millisecond); got != 4*time.Millisecond {
		t.Errorf("shortest service time %s, expected 4ms", got)
	}
	if got := r.Client.Lag.Max().Round(time.Millisecond); got != time.Millisecond || r.Client.Lag.Count() != 6 {
		t.Errorf("longest lag %s of %d, expected 1ms of 6", got, r.Client.Lag.Count())
	}
	if len(r.Classes) != 2 || r.Classes[0].Name != "referral" || r.Classes[1].Name != "apex" || r.Classes[1].Due != 6 {
		t.Errorf("classes %+v: expected two, without the one that was never sent", r.Classes)
	}
	// A query belongs to the interval in which it was due, however late its answer is.
	if len(r.Intervals) != 10 || r.Intervals[2].Answered != 2 || r.Intervals[7].Answered != 0 {
		t.Errorf("%d intervals, %d answers in the third, %d in the eighth: expected 10, 2, 0",
			len(r.Intervals), r.Intervals[2].Answered, r.Intervals[7].Answered)
	}
	if last := r.Intervals[9]; last.Seconds != 0.05 || last.Unsent != 2 || last.Odd.Status != 12 {
		t.Errorf("the last interval has %g s, %d unsent, %d odd: expected 0.05, 2, 12", last.Seconds, last.Unsent, last.Odd.Status)
	}
	c := r.Connections
	if c.Opened != 2 || c.Resumed != 2 || c.Early != 2 || c.Failed != 2 || c.Broken != 4 || c.Handshake.Count() != 2 {
		t.Errorf("connections %+v", c)
	}
	if r.Client.SocketDrops != 14 {
		t.Errorf("%d drops, expected 14", r.Client.SocketDrops)
	}
	if got := fmt.Sprint(r.Faults); got != "[{reset 4} {refused 2}]" {
		t.Errorf("faults %s", got)
	}
}

func TestLookTellsWhatIsNew(t *testing.T) {
	r := NewRecorder(shape())
	record(r)
	var counts result.Counts
	recent := r.Look(&counts, NewRecent())
	if counts.Answered != 2 || recent.Count() != 2 {
		t.Errorf("%d answers, %d of them new; expected 2 and 2", counts.Answered, recent.Count())
	}
	recent.Reset()
	counts = result.Counts{}
	if again := r.Look(&counts, recent); counts.Answered != 2 || again.Count() != 0 {
		t.Errorf("%d answers, %d of them new; expected 2 and 0", counts.Answered, again.Count())
	}
}

func TestFaultsAreBounded(t *testing.T) {
	r := NewRecorder(shape())
	for i := range 1000 {
		r.Fault(fmt.Errorf("error %d", i))
	}
	if len(r.faults) > maxFaults+1 {
		t.Errorf("%d texts are kept, expected at most %d", len(r.faults), maxFaults+1)
	}
	if n := r.faults["other errors"]; n != 1000-maxFaults {
		t.Errorf("%d other errors, expected %d", n, 1000-maxFaults)
	}
}

func BenchmarkRecorder(b *testing.B) {
	r := NewRecorder(shape())
	a := Answer{Class: 1, Bytes: 100}
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		a.Due = i % 1000 * ms
		a.Sent, a.Received = a.Due+i%1000, a.Due+i%100_000
		r.Lock()
		r.Sent(1, a.Due, a.Sent, 40)
		r.Answered(&a)
		r.Unlock()
	}
}

func TestRecordingAllocatesNothing(t *testing.T) {
	r := NewRecorder(shape())
	a := Answer{Class: 1, Bytes: 100, Received: ms}
	if n := testing.AllocsPerRun(1000, func() {
		r.Lock()
		r.Sent(1, 0, 0, 40)
		r.Answered(&a)
		r.Lost(1, ms)
		r.Unsent(1, ms)
		r.Odd(Late, 1, ms)
		r.Unlock()
	}); n != 0 {
		t.Errorf("%g allocations, expected none", n)
	}
}
