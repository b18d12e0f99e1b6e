package zone

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"yushan/zone/dname"
	"yushan/zone/master"
)

// A hosting is the NS RRset of delegations that have it in common, as those to a
// hosting company's servers have: three in four of a registry's. None of the
// servers is at or below the delegations, so that a referral depends on the
// delegation only in the names above it, by which those of servers are shortened.
type hosting struct {
	servers [][]byte // RDATA in the order of the file
	ttl     uint32
	text    []byte      // what they and the TTL are known by
	outside bool        // all servers are outside the zone
	shared  atomic.Bool // several delegations have it

	mu        sync.Mutex // guards what follows
	referrals []hostedReferral
}

// hostedReferral is the referral of delegations below one name.
type hostedReferral struct {
	parent  []byte // key of that name
	off     offset
	records int // in the NS RRset
}

// Limits. What is beyond them is treated one by one.
const (
	maxHostings      = 128 << 10
	maxHostingText   = 1 << 10
	maxHostedParents = 16
)

// hostings are those of a zone being built. What goes on from several goroutines
// is locked.
type hostings struct {
	origin []byte
	seed   maphash.Seed
	shards [16]struct {
		sync.Mutex
		known map[uint64]int // by hash of the text
	}

	mu  sync.Mutex // guards what follows
	all []*hosting
}

func newHostings(origin []byte) *hostings {
	h := &hostings{origin: origin, seed: maphash.MakeSeed()}
	for i := range h.shards {
		h.shards[i].known = make(map[uint64]int)
	}
	return h
}

// find returns the number of the hosting with this text, a new one if need be;
// false if it cannot be one.
func (h *hostings) find(text []byte, recent *recentHostings) (number int, isNew, ok bool) {
	hash := maphash.Bytes(h.seed, text)
	last := &recent[hash%uint64(len(recent))]
	if last.hash == hash && bytes.Equal(last.text, text) {
		return last.number, false, true
	}
	s := &h.shards[hash>>32%uint64(len(h.shards))]
	s.Lock()
	defer s.Unlock()
	number, known := s.known[hash]
	h.mu.Lock()
	defer h.mu.Unlock()
	if !known {
		if len(h.all) == maxHostings {
			return 0, false, false
		}
		number = len(h.all)
		s.known[hash] = number
		h.all = append(h.all, readHosting(bytes.Clone(text), h.origin))
		return number, true, true
	}
	found := h.all[number]
	if !bytes.Equal(found.text, text) {
		return 0, false, false
	}
	found.shared.Store(true)
	*last = recentHosting{hash, number, found.text}
	return number, false, true
}

// recentHostings are some that a goroutine has met, and so need no lock.
type recentHostings [1 << 13]recentHosting

type recentHosting struct {
	hash   uint64
	number int
	text   []byte
}

// appendHosting appends the text of a hosting of NS records with one TTL.
func appendHosting(dst []byte, records []master.Record) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, records[0].TTL)
	for i := range records {
		dst = append(append(dst, byte(len(records[i].RDATA))), records[i].RDATA...)
	}
	return dst
}

func readHosting(text, origin []byte) *hosting {
	h := &hosting{text: text, ttl: binary.LittleEndian.Uint32(text), outside: true}
	for rest := text[4:]; len(rest) > 0; {
		n := 1 + int(rest[0])
		h.servers = append(h.servers, rest[1:n:n])
		h.outside = h.outside && !dname.IsSubdomain(rest[1:n], origin)
		rest = rest[n:]
	}
	return h
}

// referral returns the referral of the delegation with this key to the servers
// of h; false if it is to be made like any other.
func (h *hosting) referral(w *worker, key, parent []byte) (r hostedReferral, ok bool) {
	if h.outside {
		parent = nil // the names above are the same for all, as far as they matter
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.referrals {
		if bytes.Equal(r.parent, parent) {
			return r, true
		}
	}
	if len(h.referrals) == maxHostedParents {
		return hostedReferral{}, false
	}
	records := make([]rr, 0, len(h.servers))
	for _, rdata := range h.servers {
		records = append(records, rr{ttl: h.ttl, rdata: rdata})
	}
	w.group.key = key
	w.group.owner = dname.AppendFromKey(w.group.owner[:0], key, w.origin)
	d := delegation{key: key, owner: w.group.owner, ns: w.order(TypeNS, records)}
	r = hostedReferral{bytes.Clone(parent), w.referral(&d), len(d.ns)}
	if h.shared.Load() {
		w.referral(&d) // a second use, which later versions of the zone shall know of
	}
	h.referrals = append(h.referrals, r)
	return r, r.off != 0
}

// lastHosted are the referrals that a worker has met last, by number of the
// hosting: names that follow each other mostly have the same parent.
type lastHosted struct {
	parent []byte
	serial uint32 // counts the parents
	of     []lastReferral
}

type lastReferral struct {
	serial  uint32 // of the parent; 0: none
	records uint32
	off     offset
}

const anyParent = 1<<32 - 1 // a serial

// find returns the referral of the delegation with this key to the hosting with
// that number; false if it is to be made like any other.
func (l *lastHosted) find(w *worker, number uint32, key []byte) (*lastReferral, bool) {
	if l.of == nil {
		l.of = make([]lastReferral, len(w.c.hostings.all))
	}
	last := &l.of[number]
	if last.serial == anyParent {
		return last, true
	}
	parent := key[:bytes.LastIndexByte(key[:len(key)-1], 0)+1]
	if l.serial == 0 || !bytes.Equal(l.parent, parent) {
		l.parent = append(l.parent[:0], parent...)
		l.serial++
	}
	if last.serial == l.serial {
		return last, true
	}
	h := w.c.hostings.all[number]
	r, ok := h.referral(w, key, parent)
	if !ok {
		return nil, false
	}
	*last = lastReferral{l.serial, uint32(r.records), r.off}
	if h.outside {
		last.serial = anyParent
	}
	return last, true
}
