package quicload

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/quic-go/quic-go"
)

// Ask sends one message on a stream of its own and returns what comes back.
func Ask(stream *quic.Stream, message []byte) (answer []byte, err error) {
	frame := append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
	if _, err := stream.Write(frame); err != nil {
		return nil, err
	}
	if err := stream.Close(); err != nil {
		return nil, err
	}
	return Answer(stream)
}

// Answer reads one message and FIN.
func Answer(stream *quic.Stream) (answer []byte, err error) {
	got, err := io.ReadAll(stream)
	if err != nil {
		return nil, err
	}
	if len(got) < 2 || len(got) != 2+int(binary.BigEndian.Uint16(got)) {
		return nil, fmt.Errorf("%d bytes are no message with its length: %x", len(got), got)
	}
	return got[2:], nil
}
