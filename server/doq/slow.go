package doq

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/quic-go/quic-go"
)

// alwaysUnfinished is how many unfinished queries a connection may have however
// many others have.
const alwaysUnfinished = 4

// wait gives a stream whose query isn't complete a goroutine that waits for the
// rest.
func (c *conn) wait(stream *quic.Stream, first []byte) {
	s := c.server
	own, all := c.reading.Add(1), s.unfinished.Add(1)
	if all > int64(s.limits.MaxUnfinished) && own > alwaysUnfinished {
		c.reading.Add(-1)
		s.unfinished.Add(-1)
		c.close(excessiveLoad, &s.events.overloads)
		return
	}
	data := append(make([]byte, 0, max(firstBytes, len(first))), first...)
	c.streams.Go(func() {
		data, err := c.readRest(stream, data)
		c.reading.Add(-1)
		s.unfinished.Add(-1)
		switch {
		case err == nil || err == io.EOF:
			w := s.workspaces.take(c.hint)
			c.finish(w, stream, data, err == io.EOF)
			s.workspaces.giveBack(c.hint, w)
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.events.queryTimeouts.Add(1)
			c.violation()
		default:
			c.abandoned(stream, err)
		}
	})
}

// firstBytes is room for most queries.
const firstBytes = 256

// readRest reads a query to its FIN, or as far as need be to see that it is not to
// be answered.
func (c *conn) readRest(stream *quic.Stream, data []byte) ([]byte, error) {
	limit := c.server.limits.MaxQueryBytes
	stream.SetReadDeadline(time.Now().Add(c.server.limits.QueryTimeout))
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := stream.Read(data[len(data):min(cap(data), lengthBytes+limit+1)])
		data = data[:len(data)+n]
		if err != nil {
			return data, err
		}
		if _, v := judge(data, false, limit); v != unfinished {
			return data, nil
		}
	}
}

// sendLong gives an answer that doesn't fit into a packet a goroutine that waits
// until the client takes it.
func (c *conn) sendLong(stream *quic.Stream, out []byte) {
	s := c.server
	at, victims := s.pending.add(c, len(out), s.limits.MaxPendingBytes)
	for _, victim := range victims {
		victim.close(excessiveLoad, &s.events.slowReaders)
	}
	c.writing.Add(1)
	c.streams.Go(func() {
		defer c.writing.Add(-1)
		stream.SetWriteDeadline(time.Now().Add(s.limits.WriteTimeout))
		_, err := stream.Write(out)
		s.pending.remove(at)
		switch {
		case err == nil:
			stream.Close()
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.close(excessiveLoad, &s.events.slowReaders)
		default:
			c.abandoned(stream, err)
		}
	})
}
