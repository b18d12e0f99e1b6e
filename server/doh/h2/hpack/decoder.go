package hpack

import "errors"

// ErrCompression is wrapped by no other: a block is not properly coded, or refers
// to what isn't there. The connection can't go on (RFC 9113 §4.3).
var ErrCompression = errors.New("header block is not properly coded")

// MinScratch is the least capacity of a [Reader]'s scratch: a field that doesn't
// fit there must be larger than the dynamic table.
const MinScratch = DefaultTableSize

// Kind is what a field is to whoever reads blocks. Its values are his.
type Kind uint8

// Kinds tells the kind of fields. It is shared by connections, and never changes.
type Kinds struct {
	of     func(name, value []byte) Kind
	static [staticLen + 1]Kind
}

// KindsOf makes Kinds of a function without side effects, which doesn't keep its
// arguments.
func KindsOf(of func(name, value []byte) Kind) *Kinds {
	k := &Kinds{of: of}
	for i := 1; i <= staticLen; i++ {
		k.static[i] = of(static[i].name, static[i].value)
	}
	return k
}

// Decoder is what one side of a connection remembers from block to block. One
// goroutine may use it.
type Decoder struct {
	kinds *Kinds
	table table
}

// NewDecoder makes a decoder for a peer that has been told no other table size than
// DefaultTableSize.
func NewDecoder(kinds *Kinds) Decoder {
	return Decoder{kinds: kinds, table: table{max: DefaultTableSize}}
}

// Held is how many bytes of memory d's dynamic table has.
func (d *Decoder) Held() int { return d.table.held() }

// Reader reads the fields of one block.
type Reader struct {
	// Name and Value are the field's that Next has read. They are valid until Next is
	// called again, and not to be written to. They are empty if Large.
	Name, Value []byte
	Kind        Kind
	// Size is the field's size (RFC 7541 §4.1), or if Large something less than it.
	Size int
	// Large tells that the field wasn't decoded, since it is larger than the scratch.
	// Kind is 0 then, and NameOf the kind of the field by its name, with an empty value, or 0
	// if the name isn't known either.
	Large  bool
	NameOf Kind

	decoder *Decoder
	block   []byte // what is still to be read
	scratch []byte
	fields  bool // one has been read
	failed  bool
}

// Read begins a block, which must be complete. It has to be read to its end, for the
// dynamic table's sake. scratch is memory to decode into: its capacity, at least
// MinScratch, bounds what is decoded of a field.
func (d *Decoder) Read(block, scratch []byte) Reader {
	return Reader{decoder: d, block: block, scratch: scratch}
}

// Err is nil, or ErrCompression.
func (r *Reader) Err() error {
	if r.failed {
		return ErrCompression
	}
	return nil
}

// Next reads a field, and tells whether there was one.
func (r *Reader) Next() bool {
	for len(r.block) > 0 && !r.failed {
		switch b := r.block[0]; {
		case b&0x80 != 0: // §6.1
			return r.indexed()
		case b&0x40 != 0: // §6.2.1
			return r.literal(6, true)
		case b&0x20 != 0: // §6.3
			if !r.resize() {
				return false
			}
		default: // §6.2.2, §6.2.3
			return r.literal(4, false)
		}
	}
	return false
}

func (r *Reader) fail() bool {
	r.failed = true
	return false
}

// indexed reads a field that is a reference (RFC 7541 §6.1).
func (r *Reader) indexed() bool {
	i, ok := r.integer(7)
	if !ok {
		return r.fail()
	}
	if r.Name, r.Value, r.Kind, ok = r.decoder.get(i); !ok {
		return r.fail()
	}
	r.Size, r.Large, r.fields = len(r.Name)+len(r.Value)+entryOverhead, false, true
	return true
}

// get finds a field in both tables (RFC 7541 §2.3.3).
func (d *Decoder) get(i int) (name, value []byte, kind Kind, ok bool) {
	switch {
	case i == 0:
		return nil, nil, 0, false
	case i <= staticLen:
		return static[i].name, static[i].value, d.kinds.static[i], true
	case i <= staticLen+d.table.len():
		name, value, kind = d.table.get(i - staticLen - 1)
		return name, value, kind, true
	}
	return nil, nil, 0, false
}

// literal reads a field whose value is given, and its name perhaps (RFC 7541 §6.2).
func (r *Reader) literal(prefix int, index bool) bool {
	i, ok := r.integer(prefix)
	if !ok {
		return r.fail()
	}
	d, scratch := r.decoder, r.scratch[:0]
	var name, value []byte
	nameFits, valueFits := true, true
	if i == 0 {
		if name, scratch, nameFits, ok = r.str(scratch); !ok {
			return r.fail()
		}
	} else {
		if name, _, _, ok = d.get(i); !ok {
			return r.fail()
		}
		if i > staticLen {
			// Adding may move it, or evict it (§4.4).
			if len(name) > cap(scratch) {
				return r.fail() // cannot be: names in the table are shorter than MinScratch
			}
			scratch = append(scratch, name...)
			name = scratch
		}
	}
	if value, _, valueFits, ok = r.str(scratch); !ok {
		return r.fail()
	}
	r.fields = true
	if r.Large = !nameFits || !valueFits; r.Large {
		r.Name, r.Value, r.Kind, r.NameOf = nil, nil, 0, 0
		if nameFits {
			r.NameOf = d.kinds.of(name, nil)
		}
		r.Size = cap(r.scratch)
		if index {
			d.table.evict(0) // it is larger than the table, see MinScratch
		}
		return true
	}
	kind := d.kinds.of(name, value)
	if index {
		d.table.add(name, value, kind)
	}
	r.Name, r.Value, r.Kind, r.Size = name, value, kind, len(name)+len(value)+entryOverhead
	return true
}

// resize reads a dynamic table size update. It may only stand before the first field
// (RFC 7541 §4.2).
func (r *Reader) resize() bool {
	size, ok := r.integer(5)
	if !ok || r.fields || size > DefaultTableSize {
		return r.fail()
	}
	r.decoder.table.resize(size)
	return true
}

// integer reads one with a prefix of so many bits (RFC 7541 §5.1). None that makes
// sense is longer than five bytes.
func (r *Reader) integer(prefix int) (int, bool) {
	limit := 1<<prefix - 1
	n := int(r.block[0]) & limit
	r.block = r.block[1:]
	if n < limit {
		return n, true
	}
	for shift := 0; shift <= 21; shift += 7 {
		if len(r.block) == 0 {
			return 0, false
		}
		b := r.block[0]
		r.block = r.block[1:]
		n += int(b&0x7f) << shift
		if b&0x80 == 0 {
			return n, true
		}
	}
	return 0, false
}

// str reads a string (RFC 7541 §5.2). If it has to be decoded, it is appended to
// scratch; fits is false if it is too long for that, and then s is empty.
func (r *Reader) str(scratch []byte) (s, rest []byte, fits, ok bool) {
	if len(r.block) == 0 {
		return nil, scratch, true, false
	}
	coded := r.block[0]&0x80 != 0
	n, ok := r.integer(7)
	if !ok || n > len(r.block) {
		return nil, scratch, true, false
	}
	s, r.block = r.block[:n], r.block[n:]
	if !coded {
		return s, scratch, true, true
	}
	decoded, fits, ok := appendHuffman(scratch, s)
	if !fits {
		return nil, scratch, false, ok
	}
	return decoded[len(scratch):], decoded, true, ok
}
