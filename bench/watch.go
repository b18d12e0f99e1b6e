package bench

import (
	"sync"
	"time"

	"yushan/bench/measure"
	"yushan/bench/procstat"
	"yushan/bench/result"
)

// Progress is what a run has come to.
type Progress struct {
	Elapsed, Duration time.Duration
	Counts            result.Counts // since the start
	// Since are what was counted since the last call, in Span.
	Since result.Counts
	Span  time.Duration
	// Latency has the times of the answers in Span.
	Latency *result.Histogram
}

// show calls Show until the returned function is called.
func (r *run) show(started time.Time) (done func()) {
	if r.Show == nil {
		return func() {}
	}
	return every(started.Add(r.ShowEvery), r.ShowEvery, r.looker(started))
}

// looker returns a function that shows the progress since its last call.
func (r *run) looker(started time.Time) func() {
	var before result.Counts
	last := started
	empty := make([]*result.Histogram, len(r.recorders))
	for i := range empty {
		empty[i] = measure.NewRecent()
	}
	return func() {
		now := time.Now()
		p := Progress{Elapsed: now.Sub(started), Duration: r.Plan.Duration, Span: now.Sub(last), Latency: measure.NewRecent()}
		for i, recorder := range r.recorders {
			recent := recorder.Look(&p.Counts, empty[i])
			p.Latency.Merge(recent)
			recent.Reset()
			empty[i] = recent
		}
		p.Since = p.Counts.Minus(&before)
		before, last = p.Counts, now
		r.Show(p)
	}
}

// every calls f at a time and by the clock from then on, until the returned function has
// been called.
func every(from time.Time, interval time.Duration, f func()) (done func()) {
	stop := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		next := time.NewTimer(time.Until(from))
		defer next.Stop()
		for at := from; ; {
			select {
			case <-next.C:
				f()
			case <-stop:
				return
			}
			at = at.Add(interval)
			if late := time.Since(at); late > 0 {
				at = at.Add(late.Truncate(interval))
			}
			next.Reset(time.Until(at))
		}
	})
	return func() {
		close(stop)
		ended.Wait()
	}
}

// server is what was seen of the server under test.
type server struct {
	*result.Server
	cpu []time.Duration // by interval
}

// observe watches the server until the returned function is called.
func (r *run) observe(started time.Time) (done func() server) {
	if r.Server == nil {
		return func() server { return server{} }
	}
	s := server{Server: &result.Server{Source: r.Server.Source()}}
	var first, last procstat.Sample
	sample := func() {
		if s.Error != "" {
			return
		}
		now, err := r.Server.Sample()
		if err != nil {
			s.Error = err.Error()
			return
		}
		if first == (procstat.Sample{}) {
			first, last = now, now
		}
		if now.CPU < last.CPU { // only metrics of a new process can say that
			s.Error = "its CPU time has begun anew: the server was started again"
			return
		}
		// What is seen at the end of an interval was used in it.
		at := min(int(max(time.Since(started)-r.shape.Interval/2, 0)/r.shape.Interval), 1<<16)
		for len(s.cpu) <= at {
			s.cpu = append(s.cpu, 0)
		}
		s.cpu[at] += now.CPU - last.CPU
		last = now
		s.CPU = int64(now.CPU - first.CPU)
		s.MemoryBytes = max(s.MemoryBytes, now.MemoryBytes)
		s.Memory = r.Server.Memory()
		s.Threads = now.Threads
	}
	stop := every(started, r.shape.Interval, sample)
	return func() server {
		stop()
		sample()
		return s
	}
}

// fill puts what was seen into a result.
func (s server) fill(res *result.Result) {
	res.Server = s.Server
	for i := range min(len(s.cpu), len(res.Intervals)) {
		res.Intervals[i].ServerCPU = int64(s.cpu[i])
	}
}
