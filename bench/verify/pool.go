package verify

import (
	"hash/maphash"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"yushan/bench/procstat"
	"yushan/bench/query"
	"yushan/bench/result"
	"yushan/bench/zonefile"
)

const (
	queued      = 1024 // answers that wait for a worker
	maxExamples = 5    // of each rule
)

// Options say how answers are verified.
type Options struct {
	// Stream: answers come over TCP, TLS or QUIC, where none is truncated.
	Stream bool
	// DNSSEC: signatures are verified too, at the time that Now tells (time.Now if
	// that is nil). Without it they are compared with those of the zone.
	DNSSEC bool
	Now    func() time.Time
	// Workers is how many goroutines verify; 0 means one for two processors.
	Workers int
}

// Pool verifies answers in goroutines of its own. An answer that is, but for its ID, the
// one that its query had last time is right if that one was.
type Pool struct {
	queries *query.Set
	zones   []*zone
	options Options
	cache   *cache
	jobs    chan *job
	free    sync.Pool // of *job
	workers sync.WaitGroup

	seed maphash.Seed
	// right has for each query the hash of an answer to it that was right.
	right   []atomic.Uint64
	answers atomic.Uint64
	enough  wanted

	mu      sync.Mutex // guards what follows
	wrong   uint64
	skipped uint64
	reasons [rules]result.Reason
	cpu     time.Duration
}

type job struct {
	index  uint32
	nonce  uint64
	hash   uint64
	answer []byte
}

// New starts a pool for the answers to queries of a server that has these zones, and
// no others.
func New(zones []*zonefile.Zone, options Options, queries *query.Set) *Pool {
	if options.Workers <= 0 {
		options.Workers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	p := &Pool{
		queries: queries,
		zones:   newZones(zones),
		options: options,
		jobs:    make(chan *job, queued),
		free:    sync.Pool{New: func() any { return new(job) }},
		seed:    maphash.MakeSeed(),
		right:   make([]atomic.Uint64, queries.Len()),
	}
	if options.DNSSEC {
		p.cache = newCache(p.zones)
	}
	for range options.Workers {
		p.workers.Go(p.work)
	}
	return p
}

func newZones(zones []*zonefile.Zone) (all []*zone) {
	for i, z := range zones {
		all = append(all, newZone(i, z))
	}
	return all
}

// Submit gives an answer to be verified, that of the query with this index in the set,
// sent with this nonce. It keeps nothing of answer, and may be called by several
// goroutines at once. It waits while too many answers wait.
func (p *Pool) Submit(index uint32, nonce uint64, answer []byte) {
	p.answers.Add(1)
	var hash uint64
	if len(answer) > 2 {
		hash = maphash.Bytes(p.seed, answer[2:]) | 1 // 0 is none
	}
	// With a random label it would be the answer to another question.
	if p.right[index].Load() == hash && hash != 0 && !p.queries.Random(index) {
		return
	}
	j := p.free.Get().(*job)
	j.index, j.nonce, j.hash, j.answer = index, nonce, hash, append(j.answer[:0], answer...)
	p.jobs <- j
}

// Close waits until all answers have been verified, and returns what came of it.
// Nothing may be submitted any more.
func (p *Pool) Close() result.Verified {
	close(p.jobs)
	p.workers.Wait()
	v := result.Verified{Answers: p.answers.Load() - p.skipped, Wrong: p.wrong, Skipped: p.skipped, Seconds: p.cpu.Seconds()}
	for r := range p.reasons {
		if p.reasons[r].Count > 0 {
			reason := p.reasons[r]
			reason.Rule = rule(r).String()
			v.Reasons = append(v.Reasons, reason)
		}
	}
	slices.SortStableFunc(v.Reasons, func(a, b result.Reason) int {
		switch {
		case a.Count > b.Count:
			return -1
		case a.Count < b.Count:
			return 1
		}
		return 0
	})
	return v
}

// work is one worker. It stays on its thread, whose CPU time is counted.
func (p *Pool) work() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := procstat.ThreadCPU()
	j := &judge{zones: p.zones, stream: p.options.Stream, enough: &p.enough}
	if p.cache != nil {
		j.keys = &verifier{cache: p.cache}
	}
	var sent [query.MaxBytes]byte
	for job := range p.jobs {
		n := p.queries.Put(sent[:], job.index, 0, job.nonce, nil)
		judged := j.check(sent[:n], job.answer, p.now())
		switch {
		case judged && len(j.problems) == 0:
			p.right[job.index].Store(job.hash)
		default:
			p.note(judged, j.problems)
		}
		p.free.Put(job)
	}
	used := procstat.ThreadCPU() - began
	p.mu.Lock()
	p.cpu += used
	p.mu.Unlock()
}

// now is the time, where it matters.
func (p *Pool) now() time.Time {
	if p.cache == nil {
		return time.Time{}
	}
	return p.options.Now()
}

// note counts an answer that is wrong, or that can't be judged.
func (p *Pool) note(judged bool, problems []problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !judged {
		p.skipped++
		return
	}
	p.wrong++
	seen := [rules]bool{}
	for _, problem := range problems {
		reason := &p.reasons[problem.rule]
		if !seen[problem.rule] {
			reason.Count++ // of answers
			seen[problem.rule] = true
		}
		if problem.text != "" && len(reason.Examples) < maxExamples && !slices.Contains(reason.Examples, problem.text) {
			reason.Examples = append(reason.Examples, problem.text)
			p.enough[problem.rule].Store(len(reason.Examples) == maxExamples)
		}
	}
}
