package overquic

import (
	"bufio"
	"io"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
)

// listen accepts the server's streams. One of them is the control stream, on which it
// says that it goes away; the rest has nothing for a client without a dynamic table.
func (h *http3) listen(s *session) {
	for {
		stream, err := s.conn.AcceptUniStream(s.client.ctx)
		if err != nil {
			return
		}
		s.client.tasks.Go(func() { h.attend(s, stream) })
	}
}

// attend reads the type of a stream, and follows the control stream.
func (h *http3) attend(s *session, stream *quic.ReceiveStream) {
	in := bufio.NewReaderSize(stream, 64)
	kind, err := quicvarint.Read(in)
	switch {
	case err != nil:
	case kind == streamControl:
		readControl(in, s.goAway)
	case kind != streamEncoder && kind != streamDecoder:
		stream.CancelRead(h3StreamCreation) // §6.2.3
	}
}

// readControl reads the frames of a control stream, and says when the server goes
// away.
func readControl(in *bufio.Reader, goAway func(from quic.StreamID)) {
	for {
		kind, err := quicvarint.Read(in)
		if err != nil {
			return
		}
		length, err := quicvarint.Read(in)
		if err != nil {
			return
		}
		if kind == frameGoAway {
			from, err := quicvarint.Read(in)
			if err != nil || uint64(quicvarint.Len(from)) > length {
				return
			}
			goAway(quic.StreamID(from))
			continue
		}
		if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
			return
		}
	}
}
