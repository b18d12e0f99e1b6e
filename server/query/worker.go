package query

import (
	"yushan/server/overlay"
	"yushan/zone"
	"yushan/zone/dname"
)

// Worker is the memory that answering needs, and counts what has been answered.
// Each goroutine that calls [Engine.Answer] has one of its own.
type Worker struct {
	memory
	questions []question    // of a batch; one at least
	lookups   []zone.Lookup // of their names, if they are read ahead
	counters  Counters
	published published
}

// question is a request as it was understood, and what can answer it.
type question struct {
	query    query
	rcode    uint16           // instead of an answer; noError if there is something to answer
	zone     *zone.Zone       // that answers; nil if none does
	overlay  *overlay.Overlay // that goes before it; nil if there is none
	overlaid *overlay.Zone    // of it, that answers; nil if none does

	// The name that is being looked up: the question's, later the target of a
	// CNAME or DNAME.
	name   []byte  // wire format, lower case
	starts []uint8 // positions of its labels, the root's included
	key    []byte  // of name, below the apex of zone

	nameBuf   [dname.MaxWire]byte
	startsBuf [dname.MaxLabels + 1]uint8
	keyBuf    [dname.MaxKey]byte
}

// memory is what one answer needs. The next one finds nothing in it.
type memory struct {
	*question
	lookup  *zone.Lookup // of the question's name; nil if it was not read ahead
	message message
	at      int // where the message holds the name

	synthesized int // bytes of RDATA of the last CNAME that a DNAME stood for

	keyScratch [dname.MaxKey + 2]byte
	floorBuf   [dname.MaxKey]byte
	scratch    [dname.MaxKey + 2]byte
	ownerBuf   [dname.MaxWire]byte

	seen       seen
	redirects  redirects
	proofs     proofs
	expansions expansions
}

// NewWorker returns a worker that answers queries one by one.
func NewWorker() *Worker { return NewBatchWorker(1) }

// NewBatchWorker returns a worker that can read up to n queries ahead of their
// answers; see [Engine.ReadAhead].
func NewBatchWorker(n int) *Worker {
	w := &Worker{questions: make([]question, n), lookups: make([]zone.Lookup, n)}
	w.question = &w.questions[0]
	return w
}

// Reset makes a worker as good as new, but for what it has counted. It is for the
// goroutine that owns the worker to call when Answer has panicked, as nobody
// knows then in which state the memory is.
func (w *Worker) Reset() {
	clear(w.questions)
	clear(w.lookups)
	w.memory = memory{question: &w.questions[0]}
}

// release forgets the request, the response, and the zone with all views into
// it: a worker that waits for its next query must not keep a zone in memory that
// has left service.
func (w *Worker) release() {
	w.query.name, w.message.buf = nil, nil
	w.zone, w.overlay, w.overlaid = nil, nil, nil
	if w.lookup != nil {
		*w.lookup = zone.Lookup{}
	}
	w.seen.count = 0
	clear(w.redirects.sets[:w.redirects.count])
	w.redirects.count = 0
	clear(w.proofs.sets[:w.proofs.count])
	w.proofs.count = 0
	clear(w.expansions.sets[:w.expansions.used])
	w.expansions.count, w.expansions.used = 0, 0
}

// setName makes name, in wire format, the one that is looked up.
func (q *question) setName(name []byte) {
	q.name = dname.AppendLower(q.nameBuf[:0], name)
	q.starts = q.startsBuf[:0]
	i := 0
	for ; q.name[i] != 0; i += 1 + int(q.name[i]) {
		q.starts = append(q.starts, uint8(i))
	}
	q.starts = append(q.starts, uint8(i))
}

// setKey computes the key of the name below the apex of the zone.
func (q *question) setKey() {
	q.key = q.keyBuf[:0]
	for i := len(q.starts) - 2 - dname.Labels(q.zone.Origin()); i >= 0; i-- {
		q.key = dname.AppendKeyLabel(q.key, q.name[q.starts[i]:])
	}
}

// ancestor returns the name whose key is the first keyLen bytes of the current
// key: the name itself, or one above it.
func (w *Worker) ancestor(keyLen int) []byte {
	labels, _ := dname.KeyLabels(w.key[:keyLen])
	below := len(w.starts) - 1 - dname.Labels(w.zone.Origin()) - labels
	return w.name[w.starts[below]:]
}

// nextCloser returns the name one label longer than encloser, its ancestor
// (RFC 5155 §1.3).
func (w *Worker) nextCloser(encloser []byte) []byte {
	if i, ok := w.label(len(encloser)); ok {
		return w.name[w.starts[i-1]:]
	}
	return w.name
}

// label returns which label of the name begins n bytes before its end, and
// false if none does.
func (w *Worker) label(n int) (i int, ok bool) {
	at := len(w.name) - n
	for i, start := range w.starts {
		if int(start) == at {
			return i, true
		}
	}
	return 0, false
}

// seen are the names that the answer has led through, to notice when it goes
// round in circles.
type seen struct {
	count int
	names [maxLinks + 1][dname.MaxWire]byte
	size  [maxLinks + 1]uint8
}

// maxLinks is how many CNAME and DNAME records one answer follows.
const maxLinks = 16

func (s *seen) has(name []byte) bool {
	for i := range s.count {
		if string(s.names[i][:s.size[i]]) == string(name) {
			return true
		}
	}
	return false
}

func (s *seen) add(name []byte) {
	if s.count < len(s.names) {
		s.size[s.count] = uint8(copy(s.names[s.count][:], name))
		s.count++
	}
}

// redirects are the DNAME RRsets in the answer, and where the message holds
// their targets: a chain may pass one twice, the answer holds it once.
type redirects struct {
	count   int
	sets    [maxLinks]zone.RRset
	targets [maxLinks]int
}

func (r *redirects) find(set zone.RRset) (target int, ok bool) {
	for i := range r.count {
		if r.sets[i].Is(set) {
			return r.targets[i], true
		}
	}
	return 0, false
}

func (r *redirects) add(set zone.RRset, target int) {
	if r.count < len(r.sets) {
		r.sets[r.count], r.targets[r.count] = set, target
		r.count++
	}
}
