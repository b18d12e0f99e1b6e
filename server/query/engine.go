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
	w.counters.Queries[req.Transport]++
	w.counters.BytesIn += uint64(len(req.Wire))
	q := &w.query
	rcode := q.parse(req.Wire, req.Transport)
	if rcode == drop {
		w.counters.Dropped++
		return 0
	}
	limit := maxMessage
	if req.Transport == UDP {
		limit = min(max(q.udpBytes, minUDPBytes), e.maxUDP)
	}
	dst = dst[:min(limit, len(dst))]
	if rcode == notImp {
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
	case rcode != noError:
		w.message.rcode = rcode
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
	switch q.class {
	case classIN:
	case classCH:
		e.answerChaos(w)
		return
	default:
		m.rcode = refused
		return
	}
	switch q.qtype {
	case typeAXFR, typeIXFR:
		m.rcode, m.ede = refused, edeProhibited
		return
	case typeNXNAME: // RFC 9824 §3.5
		m.rcode, m.ede = formErr, edeInvalidQueryType
		return
	}
	w.setName(q.name)
	if e.overlay != nil {
		w.overlay = e.overlay
		if z := e.overlaid(w); z != nil {
			w.answerOverlay(z)
			return
		}
	}
	w.zone = e.zones.Find(w.name, w.starts)
	if q.qtype == typeDS && w.zone != nil && len(w.zone.Origin()) == len(w.name) {
		if parent := e.zones.FindAbove(w.name, w.starts); parent != nil {
			w.zone = parent
		}
	}
	if w.zone == nil {
		m.rcode, m.ede = refused, edeNotAuthoritative
		return
	}
	w.answer()
}
