package query

import (
	"yushan/server/overlay"
	"yushan/zone"
)

// DefaultMaxUDPBytes is the largest UDP answer unless configured otherwise: it
// passes every network that IPv6 permits without fragments (RFC 9715 §3.1).
const DefaultMaxUDPBytes = 1232

// Options are what an operator may decide about answers.
type Options struct {
	// MaxUDPBytes is the largest answer by UDP, and the size that OPT records
	// announce. 512 to 65535; 0 means DefaultMaxUDPBytes.
	MaxUDPBytes int
	// Identity is what id.server and hostname.bind (RFC 4892) and the NSID option
	// (RFC 5001) tell, at most 255 bytes. "" turns all three off.
	Identity string
	// Version is what version.bind and version.server tell, at most 255 bytes.
	// "" turns both off.
	Version string
	// Overlay has records that go before those of the zones, and can be updated by
	// DNS UPDATE. nil: there are none, and no updates.
	Overlay *overlay.Overlay
}

// Engine answers queries from one set of zones. It never changes, and may be
// used by any number of goroutines, each with a [Worker] of its own.
type Engine struct {
	zones    *zone.Set
	maxUDP   int
	identity string
	version  string
	overlay  *overlay.Overlay
}

// New returns an engine for zones.
func New(zones *zone.Set, opts Options) *Engine {
	if opts.MaxUDPBytes == 0 {
		opts.MaxUDPBytes = DefaultMaxUDPBytes
	}
	return &Engine{
		zones:    zones,
		maxUDP:   min(max(opts.MaxUDPBytes, minUDPBytes), maxMessage),
		identity: opts.Identity[:min(len(opts.Identity), 255)],
		version:  opts.Version[:min(len(opts.Version), 255)],
		overlay:  opts.Overlay,
	}
}

// Zones returns the zones that the engine answers from.
func (e *Engine) Zones() *zone.Set { return e.zones }

const (
	minUDPBytes = 512 // RFC 1035 §4.2.1
	maxMessage  = 65535
)

// Answer writes the response to req into dst and returns its length; 0 means
// that nothing is to be sent. dst must not overlap req.Wire, and must have room
// for 512 bytes at least; what does not fit into it is truncated. Nothing of
// req or dst is kept.
func (e *Engine) Answer(w *Worker, req *Request, dst []byte) int {
	w.counters.take(req)
	w.question, w.lookup = &w.questions[0], nil
	e.read(w.question, req)
	return e.write(w, req, dst)
}

// read reads a request and finds out what can answer it. It changes nothing but q.
func (e *Engine) read(q *question, req *Request) {
	q.rcode = q.query.parse(req.Wire, req.Transport)
	if q.rcode != noError || q.query.tsigAt > 0 || q.query.class != classIN {
		return
	}
	switch q.query.qtype {
	case typeAXFR, typeIXFR, typeNXNAME:
		return
	}
	q.setName(q.query.name)
	if e.overlay != nil {
		q.overlay = e.overlay
		if q.overlaid = e.overlayZone(q); q.overlaid != nil {
			return
		}
	}
	q.zone = e.zones.Find(q.name, q.starts)
	if q.query.qtype == typeDS && q.zone != nil && len(q.zone.Origin()) == len(q.name) {
		if parent := e.zones.FindAbove(q.name, q.starts); parent != nil {
			q.zone = parent
		}
	}
	if q.zone != nil {
		q.setKey()
	}
}

// write writes the response to the question that was read from req.
func (e *Engine) write(w *Worker, req *Request, dst []byte) int {
	q := &w.query
	if w.rcode == drop {
		w.counters.Dropped++
		return 0
	}
	limit := maxMessage
	if req.Transport == UDP {
		limit = min(max(q.udpBytes, minUDPBytes), e.maxUDP)
	}
	dst = dst[:min(limit, len(dst))]
	if w.rcode == notImp {
		if n, ok := e.update(w, req, dst); ok {
			return n
		}
	}
	w.message.start(dst, q, req.Wire)
	if w.message.n+e.optReserve(q) > w.message.room {
		q.nsid = false // a long identity behind a long name, in 512 bytes: there is room for all else
	}
	w.message.room -= e.optReserve(q)
	n := 0
	switch {
	case w.rcode != noError:
		w.message.rcode = w.rcode
		n = e.finish(w, req)
	case q.tsigAt > 0:
		n = e.refuseTSIG(w, req)
	default:
		e.route(w)
		n = e.finish(w, req)
	}
	w.counters.count(w.message.rcode, n)
	w.release()
	return n
}

// route sends the question to the data that can answer it.
func (e *Engine) route(w *Worker) {
	q, m := &w.query, &w.message
	switch {
	case q.class == classCH:
		e.answerChaos(w)
	case q.class != classIN:
		m.rcode = refused
	case q.qtype == typeAXFR || q.qtype == typeIXFR:
		m.rcode, m.ede = refused, edeProhibited
	case q.qtype == typeNXNAME: // RFC 9824 §3.5
		m.rcode, m.ede = formErr, edeInvalidQueryType
	case w.overlaid != nil:
		w.answerOverlay(w.overlaid)
	case w.zone == nil:
		m.rcode, m.ede = refused, edeNotAuthoritative
	default:
		w.answer()
	}
}
