package procstat

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrEnded says that the process is no more.
var ErrEnded = errors.New("it has ended")

// Sample is what a server has used so far.
type Sample struct {
	// CPU is its time on processors since its start; only the difference of two
	// samples has a meaning.
	CPU time.Duration
	// MemoryBytes is how much memory it has now; 0 where a metrics page doesn't tell.
	// See [Observer.Memory] for how it is counted.
	MemoryBytes uint64
	Threads     int // 0 where a metrics page doesn't tell
}

// Observer watches one server. It is used by one goroutine at a time.
type Observer struct {
	source source
	name   string
}

type source interface {
	sample() (Sample, error)
	memory() string
	close()
}

// Open begins to observe a target: the ID of a process of this machine, or the URL
// (http or https) of a page of metrics in Prometheus' text format, "/metrics" if the URL has no
// path. The first sample has been taken when it returns, so that a wrong target is found early.
func Open(target string) (*Observer, error) {
	o, err := open(target)
	if err != nil {
		return nil, err
	}
	if _, err := o.Sample(); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func open(target string) (*Observer, error) {
	if pid, err := strconv.Atoi(target); err == nil {
		if pid <= 0 {
			return nil, fmt.Errorf("observe process %d: expected a positive number", pid)
		}
		return &Observer{newProcess(pid), "process " + target}, nil
	}
	if strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://") {
		m, err := newMetrics(target)
		if err != nil {
			return nil, err
		}
		return &Observer{m, m.redacted}, nil
	}
	return nil, fmt.Errorf("observe %q: expected the ID of a process, or a URL with http:// or https://", target)
}

// Sample tells what the server has used by now. It is [ErrEnded] when the process has
// ended.
func (o *Observer) Sample() (Sample, error) {
	s, err := o.source.sample()
	if err != nil {
		return Sample{}, fmt.Errorf("observe %s: %w", o.name, err)
	}
	return s, nil
}

// Measure is Sample with a figure of memory that is taken now, however recent the last one
// is: for those who look for its peak. It costs the server time to be measured so.
func (o *Observer) Measure() (Sample, error) {
	if p, ok := o.source.(*process); ok {
		p.measuredAt = time.Time{}
	}
	return o.Sample()
}

// Source names the target for people; a URL's password is not in it.
func (o *Observer) Source() string { return o.name }

// Memory tells what MemoryBytes counts: "PSS", the proportional set sizes, in which a
// page that n processes share is the nth part of one for each; or "RSS", where such a page
// counts in full for each: of metrics, and of processes that the user may not look into.
func (o *Observer) Memory() string { return o.source.memory() }

// Close gives back what Open has taken.
func (o *Observer) Close() { o.source.close() }
