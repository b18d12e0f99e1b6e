package echo

import (
	"context"
	"io"
	"net"

	"github.com/quic-go/quic-go"
)

// serveQUIC echoes each stream until the listener is closed.
func serveQUIC(ctx context.Context, l *quic.Listener) error {
	for {
		conn, err := l.Accept(ctx)
		if err != nil {
			return net.ErrClosed
		}
		go func() {
			for {
				stream, err := conn.AcceptStream(ctx)
				if err != nil {
					return
				}
				go echoOne(stream)
			}
		}()
	}
}

// echoOne sends the query of a stream back (RFC 9250 §4.2).
func echoOne(stream *quic.Stream) {
	defer stream.Close()
	buffer := make([]byte, 512)
	n, err := io.ReadFull(stream, buffer)
	if err != io.ErrUnexpectedEOF || n < 2+header {
		stream.CancelRead(0)
		return
	}
	buffer[2+flagsAt] |= response
	stream.Write(buffer[:n])
}
