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
	counters  Counters
	published published
}

// memory is what one answer needs. The next one finds nothing in it.
type memory struct {
	query   query
	message message
	zone    *zone.Zone       // that answers; nil if none does
	overlay *overlay.Overlay // that goes before it; nil if there is none

	// The name that is being looked up: the question's, later the target of a
	// CNAME or DNAME.
	name   []byte  // wire format, lower case
	starts []uint8 // positions of its labels, the root's included
	key    []byte  // of name, below the apex of zone
	at     int     // where the message holds the name

	synthesized int // bytes of RDATA of the last CNAME that a DNAME stood for

	nameBuf    [dname.MaxWire]byte
	startsBuf  [dname.MaxLabels + 1]uint8
	keyBuf     [dname.MaxKey]byte
	keyScratch [dname.MaxKey + 2]byte
	floorBuf   [dname.MaxKey]byte
	scratch    [dname.MaxKey + 2]byte
	ownerBuf   [dname.MaxWire]byte

	seen       seen
	redirects  redirects
	proofs     proofs
	expansions expansions
}

// NewWorker returns a worker.
func NewWorker() *Worker { return new(Worker) }

// Reset makes a worker as good as new, but for what it has counted. It is for the
// goroutine that owns the worker to call when Answer has panicked, as nobody
// knows then in which state the memory is.
func (w *Worker) Reset() { w.memory = memory{} }

// release forgets the request, the response, and the zone with all views into
// it: a worker that waits for its next query must not keep a zone in memory that
// has left service.
func (w *Worker) release() {
	w.query.name, w.message.buf, w.zone, w.overlay = nil, nil, nil, nil
	w.seen.count = 0
	clear(w.redirects.sets[:w.redirects.count])
	w.redirects.count = 0
	clear(w.proofs.sets[:w.proofs.count])
	w.proofs.count = 0
	clear(w.expansions.sets[:w.expansions.used])
	w.expansions.count, w.expansions.used = 0, 0
}

// setName makes name, in wire format, the one that is looked up.
func (w *Worker) setName(name []byte) {
	w.name = dname.AppendLower(w.nameBuf[:0], name)
	w.starts = w.startsBuf[:0]
	i := 0
	for ; w.name[i] != 0; i += 1 + int(w.name[i]) {
		w.starts = append(w.starts, uint8(i))
	}
	w.starts = append(w.starts, uint8(i))
}

// setKey computes the key of the name below the apex of the zone.
func (w *Worker) setKey() {
	w.key = w.keyBuf[:0]
	for i := len(w.starts) - 2 - dname.Labels(w.zone.Origin()); i >= 0; i-- {
		w.key = dname.AppendKeyLabel(w.key, w.name[w.starts[i]:])
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
