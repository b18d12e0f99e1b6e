package overlay

import "sync/atomic"

// TTLSeconds is the TTL of every record here, and of negative answers: a
// challenge is asked for once, and no resolver should remember the last one, or
// that there was none.
const TTLSeconds = 1

// Zone is what is published for one host. Its methods may be called by any
// goroutine.
type Zone struct {
	apex []byte
	soa  []byte
	ns   [][]byte
	// names are all names that exist, in wire format and lower case, with the
	// RDATA of their TXT records. The map is replaced, never written to.
	names atomic.Pointer[map[string][][]byte]
}

// Apex returns the name of the apex in wire format, lower case. It must not be
// written to.
func (z *Zone) Apex() []byte { return z.apex }

// SOA returns the RDATA of the SOA record, without compression. It must not be
// written to. The serial is always 1: no transfer is ever made by it.
func (z *Zone) SOA() []byte { return z.soa }

// NS returns the RDATA of the NS records, names without compression. It must not
// be written to, and has one record at least.
func (z *Zone) NS() [][]byte { return z.ns }

// TXT returns the RDATA of the TXT records at name, which is in wire format, in
// lower case, and at or below the apex; and whether the name exists. It takes no
// memory. The result must not be written to, and never changes.
func (z *Zone) TXT(name []byte) (rdata [][]byte, exists bool) {
	rdata, exists = (*z.names.Load())[string(name)]
	return rdata, exists
}
