package overquic

import (
	"encoding/binary"
	"errors"

	"github.com/quic-go/quic-go"

	"yushan/bench/load"
)

// codec is how queries and answers look on their streams.
type codec interface {
	alpn() string
	// setUp does what a connection needs before its first query.
	setUp(conn *quic.Conn) error
	// listen reads what the server says of the connection, until it ends.
	listen(s *session)
	// request appends the whole of a stream to dst.
	request(dst, message []byte) []byte
	// answer looks for the answer in what has come of a stream; end: nothing follows.
	// It may move bytes within stream. used is how much of it the answer is; 0: it isn't
	// whole yet.
	answer(stream []byte, end bool) (message []byte, used int, err error)
	// noError and cancelled are the codes of connections and streams.
	noError() quic.ApplicationErrorCode
	cancelled() quic.StreamErrorCode
	// rejected tells whether a stream's code says that its query has not been looked at.
	rejected(code quic.StreamErrorCode) bool
}

func newCodec(o *load.Options) codec {
	if o.Transport == load.DoH3 {
		return newHTTP3(o)
	}
	return doq{}
}

// errMalformed: what has come is no answer.
var errMalformed = errors.New("malformed")

// doq is DNS over QUIC (RFC 9250).
type doq struct{}

func (doq) alpn() string { return "doq" } // §4.1.1

func (doq) setUp(*quic.Conn) error { return nil }

func (doq) listen(*session) {}

// request is the message with its length before it (§4.2).
func (doq) request(dst, message []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(message)))
	return append(dst, message...)
}

func (doq) answer(stream []byte, end bool) (message []byte, used int, err error) {
	if len(stream) >= 2 {
		used = 2 + int(binary.BigEndian.Uint16(stream))
		if len(stream) >= used {
			return stream[2:used], used, nil
		}
	}
	if end {
		return nil, 0, errMalformed
	}
	return nil, 0, nil
}

// DOQ_NO_ERROR and DOQ_REQUEST_CANCELLED (§4.3).
func (doq) noError() quic.ApplicationErrorCode { return 0 }

func (doq) cancelled() quic.StreamErrorCode { return 3 }

func (doq) rejected(quic.StreamErrorCode) bool { return false }
