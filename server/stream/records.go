package stream

const (
	recordHeaderBytes = 5
	// maxRecordBytes is the longest TLS record with its header (RFC 5246 §6.2.3;
	// RFC 8446 §5.2 allows less).
	maxRecordBytes = recordHeaderBytes + 16<<10 + 2048
)

// records follows the boundaries of TLS records in the bytes that a client sends,
// so that the server knows whether it has to wait for the rest of one, and how
// much memory crypto/tls may take for it.
type records struct {
	header  [recordHeaderBytes]byte
	have    int // bytes of header
	length  int // what it said, without the header
	left    int // bytes of the record that are still to come
	longest int // of all records, with their headers
}

// follow takes note of bytes that have arrived.
func (r *records) follow(bytes []byte) {
	for len(bytes) > 0 {
		if r.left > 0 {
			n := min(r.left, len(bytes))
			r.left -= n
			bytes = bytes[n:]
			continue
		}
		n := copy(r.header[r.have:], bytes)
		r.have += n
		bytes = bytes[n:]
		if r.have == recordHeaderBytes {
			r.have = 0
			r.length = int(r.header[3])<<8 | int(r.header[4])
			r.left = r.length
			r.longest = max(r.longest, min(recordHeaderBytes+r.length, maxRecordBytes))
		}
	}
}

// midway reports whether a record has begun and not ended.
func (r *records) midway() bool { return r.have > 0 || r.left > 0 }

// part is how much of a record has come that isn't whole.
func (r *records) part() int {
	if r.left > 0 {
		return recordHeaderBytes + r.length - r.left
	}
	return r.have
}
