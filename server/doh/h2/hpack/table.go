package hpack

// DefaultTableSize is the size of a dynamic table of which nothing has been said
// (RFC 9113 §6.5.2), in the unit of RFC 7541 §4.1. Tables are never larger here.
const DefaultTableSize = 4096

// entryOverhead is what an entry counts for beside its bytes (RFC 7541 §4.1).
const entryOverhead = 32

// table is the dynamic table of a reader (RFC 7541 §2.3.2):
//
//	entries   [ … gone │ oldest │ … │ newest ]
//	                       │ at         │
//	bytes     [ gone    │ name value │ … │ name value ]
//
// Invariants: entries[:gone] are evicted; the others' bytes lie in bytes in their
// order without gaps, up to its end; size is the sum of their sizes, and at most max.
type table struct {
	bytes   []byte
	entries []entry
	gone    int
	size    int
	max     int
}

// entry is a field in the table. at fits, since bytes' length never exceeds
// DefaultTableSize.
type entry struct {
	at, name, value uint16 // where it is, and how long
	kind            Kind
}

func (e entry) size() int { return int(e.name) + int(e.value) + entryOverhead }

func (t *table) len() int { return len(t.entries) - t.gone }

// get is the entry of index i, 0 being the newest. The slices are valid until the
// next add.
func (t *table) get(i int) (name, value []byte, kind Kind) {
	e := t.entries[len(t.entries)-1-i]
	middle := e.at + e.name
	return t.bytes[e.at:middle], t.bytes[middle : middle+e.value], e.kind
}

// resize evicts what a smaller table doesn't hold (RFC 7541 §4.3).
func (t *table) resize(max int) {
	t.max = max
	t.evict(max)
}

// evict drops the oldest entries until size is at most left.
func (t *table) evict(left int) {
	for t.size > left {
		t.size -= t.entries[t.gone].size()
		t.gone++
	}
	if t.gone == len(t.entries) {
		t.bytes, t.entries, t.gone = nil, nil, 0
	}
}

// add puts a field into the table, and evicts what it doesn't hold then; that may be
// all, and the field itself isn't kept if it is larger than the table (RFC 7541
// §4.4). Neither name nor value may lie in the table.
func (t *table) add(name, value []byte, kind Kind) {
	size := len(name) + len(value) + entryOverhead
	if size > t.max {
		t.evict(0)
		return
	}
	t.evict(t.max - size)
	t.makeRoom(len(name) + len(value))
	at := len(t.bytes)
	t.bytes = append(append(t.bytes, name...), value...)
	t.entries = append(t.entries, entry{uint16(at), uint16(len(name)), uint16(len(value)), kind})
	t.size += size
}

// makeRoom sees to it that more bytes and an entry fit without growing, and
// that what is evicted makes room first.
func (t *table) makeRoom(more int) {
	if len(t.bytes)+more > cap(t.bytes) || len(t.entries) == cap(t.entries) {
		t.compact()
	}
	if need := len(t.bytes) + more; need > cap(t.bytes) {
		// Doubling keeps adding cheap; a table's bytes never need more than its size.
		grown := make([]byte, len(t.bytes), min(max(need, 2*cap(t.bytes), 128), DefaultTableSize))
		copy(grown, t.bytes)
		t.bytes = grown
	}
	if n := len(t.entries); n == cap(t.entries) {
		grown := make([]entry, n, min(max(2*n, 8), DefaultTableSize/entryOverhead))
		copy(grown, t.entries)
		t.entries = grown
	}
}

// compact moves what isn't evicted to the start.
func (t *table) compact() {
	if t.gone == 0 {
		return
	}
	from := t.entries[t.gone].at
	t.bytes = t.bytes[:copy(t.bytes, t.bytes[from:])]
	t.entries = t.entries[:copy(t.entries, t.entries[t.gone:])]
	for i := range t.entries {
		t.entries[i].at -= from
	}
	t.gone = 0
}

// held is how many bytes of memory t has.
func (t *table) held() int { return cap(t.bytes) + 8*cap(t.entries) }
