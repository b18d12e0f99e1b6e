package stream

import (
	"encoding/binary"
	"errors"
)

// minFrameBytes is a DNS header (RFC 1035 §4.1.1).
const minFrameBytes = 12

// errBadFrame, errEnough end a connection from within; others come from the
// network.
var (
	errBadFrame = errors.New("frame length makes no sense")
	errEnough   = errors.New("as many queries as one connection may bring")
)

// frames is the protocol of TCP and DoT: each message has its length before it
// (RFC 1035 §4.2.2, RFC 7858 §3.3). It has no state, so that all connections of a
// server share one.
type frames struct {
	maxBytes int
	failed   func(w *Work, value any)
}

// Answer puts the answers to the whole frames of in into out.
func (f *frames) Answer(w *Work, in, out []byte) (used, wrote int, more bool, err error) {
	defer func() {
		// What was answered before the panic stays answered.
		if value := recover(); value != nil {
			f.failed(w, value)
			err = errPanic
		}
	}()
	for len(in)-used >= 2 {
		length := int(binary.BigEndian.Uint16(in[used:]))
		if length < minFrameBytes || length > f.maxBytes {
			return used, wrote, false, errBadFrame
		}
		if len(in)-used < 2+length {
			return used, wrote, false, nil
		}
		if len(out)-wrote < maxAnswerFrame {
			return used, wrote, true, nil
		}
		query := in[used+2 : used+2+length]
		used += 2 + length
		if n := w.Answer(query, out[wrote+2:wrote+maxAnswerFrame]); n > 0 {
			binary.BigEndian.PutUint16(out[wrote:], uint16(n))
			wrote += 2 + n
		}
		if w.left == 0 {
			return used, wrote, false, errEnough
		}
	}
	return used, wrote, false, nil
}

func (*frames) Owes() uint64 { return 0 }

func (*frames) Close([]byte) int { return 0 }
