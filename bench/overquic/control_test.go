package overquic

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"yushan/bench/load"
	"yushan/internal/quicload"
)

// serveLeaving speaks as much HTTP/3 as it takes to go away after so many requests on
// each connection: those that follow are rejected (RFC 9114 §5.2).
func serveLeaving(t *testing.T, requests int) *fake {
	t.Helper()
	l, err := quic.ListenAddr("127.0.0.1:0", quicload.ServerTLS(t, "h3"), &quic.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{addr: l.Addr().(*net.UDPAddr).AddrPort(), sources: map[netip.Addr]int{}}
	f.tasks.Go(func() {
		for {
			conn, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			f.opened.Add(1)
			f.tasks.Go(func() { f.leave(t, conn, requests) })
		}
	})
	t.Cleanup(func() { l.Close(); f.tasks.Wait() })
	return f
}

func (f *fake) leave(t *testing.T, conn *quic.Conn, requests int) {
	control, err := conn.OpenUniStream()
	if err != nil {
		return
	}
	control.Write([]byte{streamControl, frameSettings, 0, 0x21, 3, 1, 2, 3}) // and an unknown frame
	for _, kind := range []byte{streamEncoder, streamDecoder, 0x21} {
		if other, err := conn.OpenUniStream(); err == nil {
			other.Write([]byte{kind})
		}
	}
	for n := 1; ; n++ {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		if n == requests {
			id := quicvarint.Append(nil, uint64(4*requests))
			control.Write(append([]byte{frameGoAway, byte(len(id))}, id...))
		}
		f.tasks.Go(func() {
			if n > requests {
				stream.CancelRead(0x10b) // H3_REQUEST_REJECTED
				stream.CancelWrite(0x10b)
				return
			}
			request, err := io.ReadAll(stream)
			if err != nil {
				return
			}
			_, _, rest, ok := nextFrame(request)
			_, query, _, more := nextFrame(rest)
			if !ok || !more {
				t.Errorf("%x is no request", request)
				return
			}
			f.asked.Add(1)
			stream.Write(response(answerTo(query)))
			stream.Close()
		})
	}
}

// response is a status of 200, by a literal, and a body.
func response(body []byte) []byte {
	return join(frame(frameHeaders, 0, 0, 0x5f, 9, 3, '2', '0', '0'), frame(frameData, body...))
}

// Requests that a server that goes away has not read are sent again elsewhere: none is
// lost.
func TestGoAway(t *testing.T) {
	server := serveLeaving(t, 7)
	run := test{options: options(server.addr, load.DoH3), plan: limited(100)}
	r := run.run(t)
	answered(t, r, 100)
	if c := r.Connections; c.Opened < 100/7 || server.asked.Load() != 100 {
		t.Errorf("%+v, the server has read %d requests: expected 7 on each connection, 100 in all", *c, server.asked.Load())
	}
}

// A connection on which nothing more is read doesn't keep the client waiting.
func TestReadControl(t *testing.T) {
	for _, tt := range []struct {
		stream []byte
		want   []quic.StreamID
	}{
		{nil, nil},
		{[]byte{4, 0, 7, 1, 8}, []quic.StreamID{8}},
		{[]byte{4, 2, 1, 0, 7, 2, 0x40, 0x40, 7, 1, 4}, []quic.StreamID{64, 4}},
		{[]byte{7, 1}, nil},
		{[]byte{7, 0, 1}, nil},
		{[]byte{0x21, 5, 1, 2}, nil},
	} {
		var got []quic.StreamID
		readControl(bufio.NewReader(bytes.NewReader(tt.stream)), func(from quic.StreamID) { got = append(got, from) })
		if !slices.Equal(got, tt.want) {
			t.Errorf("%x: goes away from %v: expected %v", tt.stream, got, tt.want)
		}
	}
}

func FuzzReadControl(f *testing.F) {
	f.Add([]byte{4, 0, 7, 1, 8})
	f.Add([]byte{4, 2, 1, 0, 7, 2, 0x40, 0x40, 7, 1, 4})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, stream []byte) {
		var calls atomic.Int64
		readControl(bufio.NewReader(bytes.NewReader(stream)), func(from quic.StreamID) {
			calls.Add(1)
			if from > noStream {
				t.Errorf("stream %d does not exist", from)
			}
		})
		if calls.Load() > int64(len(stream)/3) {
			t.Errorf("%d frames in %d bytes", calls.Load(), len(stream))
		}
	})
}
