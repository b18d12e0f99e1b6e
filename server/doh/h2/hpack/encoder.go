package hpack

// maxEncoderTable is how much of the peer's table an encoder uses. Fields that are
// the same in all responses fit, and no more is worth its memory.
const maxEncoderTable = 1024

// Encoder writes header blocks, and remembers what the peer's table holds. It adds
// fields until the table is full, and never lets one be evicted. The zero value is
// ready for a peer that hasn't said what size its table has. One goroutine may use it.
type Encoder struct {
	entries []encoded // oldest first
	size    int
	// smaller is by how much the table may be smaller than DefaultTableSize.
	smaller int
	resized bool // the next block must tell (RFC 7541 §4.2)
}

// encoded is a field in the peer's table.
type encoded struct{ name, value string }

// encodedBytes is its size.
const encodedBytes = 32

// SetTableSize sets how large the peer lets the table be
// (SETTINGS_HEADER_TABLE_SIZE, RFC 9113 §6.5.2).
func (e *Encoder) SetTableSize(size uint32) {
	smaller := DefaultTableSize - int(min(size, DefaultTableSize))
	if smaller == e.smaller {
		return
	}
	e.smaller, e.resized = smaller, true
	e.entries, e.size = nil, 0
}

// Held is how many bytes of memory e has, beside the fields themselves.
func (e *Encoder) Held() int { return cap(e.entries) * encodedBytes }

// AppendStart appends what a block has to begin with.
func (e *Encoder) AppendStart(dst []byte) []byte {
	if e.resized {
		e.resized = false
		// First 0, so that the peer's table is as empty as ours, and that the least of
		// several sizes is told whatever it was (RFC 7541 §4.2).
		dst = appendInteger(append(dst, 0x20), 0x20, 5, DefaultTableSize-e.smaller)
	}
	return dst
}

// AppendConstant appends a field that comes again: a reference if the peer has it, else
// a literal that the peer shall add to its table if it fits. name is in lower case. Both
// are kept.
func (e *Encoder) AppendConstant(dst []byte, name, value string) []byte {
	for i := range e.entries {
		if f := &e.entries[i]; f.value == value && f.name == name {
			return AppendIndexed(dst, staticLen+len(e.entries)-i)
		}
	}
	index := staticIndexOf(name)
	size := len(name) + len(value) + entryOverhead
	if e.size+size > min(maxEncoderTable, DefaultTableSize-e.smaller) {
		return appendLiteral(dst, 0, 4, index, name, value)
	}
	e.entries = append(e.entries, encoded{name, value})
	e.size += size
	return appendLiteral(dst, 0x40, 6, index, name, value)
}

// AppendIndexed appends a reference to a field of the static table (RFC 7541 §6.1).
func AppendIndexed(dst []byte, index int) []byte {
	return appendInteger(dst, 0x80, 7, index)
}

// AppendLiteral appends a field that has its name from the static table, and isn't
// to be added to the dynamic one (RFC 7541 §6.2.2).
func AppendLiteral[T string | []byte](dst []byte, index int, value T) []byte {
	return appendLiteral(dst, 0, 4, index, "", value)
}

func appendLiteral[T string | []byte](dst []byte, pattern byte, prefix, index int, name string, value T) []byte {
	dst = appendInteger(dst, pattern, prefix, index)
	if index == 0 {
		dst = appendInteger(dst, 0, 7, len(name))
		dst = append(dst, name...)
	}
	dst = appendInteger(dst, 0, 7, len(value))
	return append(dst, value...)
}

// appendInteger appends one with a prefix of so many bits (RFC 7541 §5.1); pattern
// is what stands before it in the first byte.
func appendInteger(dst []byte, pattern byte, prefix, n int) []byte {
	limit := 1<<prefix - 1
	if n < limit {
		return append(dst, pattern|byte(n))
	}
	dst = append(dst, pattern|byte(limit))
	for n -= limit; n >= 0x80; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}
