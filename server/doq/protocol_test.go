package doq

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"

	"yushan/internal/quicload"
	"yushan/internal/testengine"
)

// closedWith waits for the server to close a connection with an error code.
func closedWith(t *testing.T, conn *quic.Conn, code quic.ApplicationErrorCode) {
	t.Helper()
	select {
	case <-conn.Context().Done():
	case <-time.After(patience):
		t.Fatalf("the connection is open after %v: expected it to be closed with error %#x", patience, code)
	}
	var closed *quic.ApplicationError
	if err := context.Cause(conn.Context()); !errors.As(err, &closed) || !closed.Remote || closed.ErrorCode != code {
		t.Errorf("the connection ended with %v: expected the server to close it with error %#x", err, code)
	}
}

// resetWith waits for the server to reset a stream with an error code.
func resetWith(t *testing.T, stream *quic.Stream, code quic.StreamErrorCode) {
	t.Helper()
	answer, err := quicload.Answer(stream)
	var reset *quic.StreamError
	if !errors.As(err, &reset) || !reset.Remote || reset.ErrorCode != code {
		t.Errorf("answer %x, %v: expected the stream to be reset with error %#x", answer, err, code)
	}
}

func frame(message []byte) []byte { return testengine.Frame(message) }

// TestViolations sends what RFC 9250 §4.3.3 calls a fatal error.
func TestViolations(t *testing.T) {
	s := serve(t, nil)
	good := doqQuery(t, 1)
	withID := slices.Clone(good)
	withID[1] = 1
	response := slices.Clone(good)
	response[2] |= flagQR
	keepalive := testengine.NewQuery(1)
	keepalive.Id = 0
	keepalive.SetEdns0(1232, false)
	keepalive.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 5)}, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}}

	cases := []struct {
		name string
		sent []byte
		open bool // without FIN
	}{
		{name: "message ID", sent: frame(withID)},
		{name: "a response", sent: frame(response)},
		{name: "edns-tcp-keepalive", sent: frame(testengine.Pack(t, keepalive))},
		{name: "nothing", sent: nil},
		{name: "half a length", sent: []byte{0}},
		{name: "a length", sent: []byte{0, 40}},
		{name: "half a message", sent: frame(good)[:20]},
		{name: "length 0", sent: []byte{0, 0}},
		{name: "length 0, more to come", sent: []byte{0, 0}, open: true},
		{name: "less than a header", sent: frame(good[:11])},
		{name: "two queries", sent: slices.Concat(frame(good), frame(good))},
		{name: "two queries, more to come", sent: slices.Concat(frame(good), frame(good)), open: true},
		{name: "a byte too much", sent: append(frame(good), 0)},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			conn := dial(t, s)
			stream := open(t, conn)
			if _, err := stream.Write(test.sent); err != nil {
				t.Fatal(err)
			}
			if !test.open {
				stream.Close()
			}
			closedWith(t, conn, protocolError)
		})
	}
	if n := s.Counters().ProtocolErrors; n != uint64(len(cases)) {
		t.Errorf("%d protocol errors counted, expected %d", n, len(cases))
	}
	if n := s.Counters().Queries; n != 0 {
		t.Errorf("%d queries were answered, expected none", n)
	}
}

func TestNoUnidirectionalStreams(t *testing.T) {
	s := serve(t, nil)
	conn := dial(t, s)
	if stream, err := conn.OpenUniStream(); err == nil {
		t.Errorf("the server permits unidirectional stream %d", stream.StreamID())
	}
}

func TestMissingFIN(t *testing.T) {
	s := serve(t, func(c *Config) { c.Limits.QueryTimeout = 50 * time.Millisecond })
	for name, sent := range map[string][]byte{"whole": frame(doqQuery(t, 1)), "half": frame(doqQuery(t, 1))[:9]} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, s)
			if _, err := open(t, conn).Write(sent); err != nil {
				t.Fatal(err)
			}
			closedWith(t, conn, protocolError)
		})
	}
	if c := s.Counters(); c.QueryTimeouts != 2 || c.ProtocolErrors != 2 || c.Unfinished != 0 {
		t.Errorf("counters %+v: expected two time-outs", c)
	}
}

func TestByteByByte(t *testing.T) {
	s := serve(t, nil)
	conn := dial(t, s)
	stream := open(t, conn)
	q := doqQuery(t, 3)
	sent := frame(q)
	for i := range sent {
		if _, err := stream.Write(sent[i : i+1]); err != nil {
			t.Fatal(err)
		}
		if i%16 == 0 {
			// Something else makes the round trip, so that the bytes come apart.
			ask(t, conn, q)
		}
	}
	stream.Close()
	answer, err := quicload.Answer(stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := testengine.Check(q, answer); err != nil {
		t.Error(err)
	}
}

func TestLongestQuery(t *testing.T) {
	s := serve(t, func(c *Config) { c.Limits.MaxQueryBytes = 600 })
	conn := dial(t, s)
	padded := func(size int) []byte {
		m := testengine.NewQuery(1)
		m.Id = 0
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001, Data: make([]byte, size-m.Len()-4)}}
		return testengine.Pack(t, m)
	}
	var m dns.Msg
	if err := m.Unpack(ask(t, conn, padded(600))); err != nil || m.Rcode != dns.RcodeSuccess {
		t.Errorf("a query of 600 bytes: %v, %v", err, &m)
	}
	stream := open(t, conn)
	if _, err := stream.Write(frame(padded(601))); err != nil {
		t.Fatal(err)
	}
	stream.Close()
	resetWith(t, stream, unspecifiedError)
	ask(t, conn, doqQuery(t, 1)) // the connection goes on
	if c := s.Counters(); c.Oversize != 1 {
		t.Errorf("%d oversize queries, expected 1", c.Oversize)
	}
}

// TestCancelled resets the stream with its query, and stops the stream of the answer.
func TestCancelled(t *testing.T) {
	s := serve(t, nil)
	conn := dial(t, s)
	reset := open(t, conn)
	if _, err := reset.Write(frame(doqQuery(t, 1))[:5]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the half query", func() bool { return s.Counters().Unfinished == 1 })
	reset.CancelWrite(requestCancelled)
	resetWith(t, reset, requestCancelled)

	stopped := open(t, conn)
	if _, err := stopped.Write(frame(doqQuery(t, 1))[:5]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the half query", func() bool { return s.Counters().Unfinished == 1 })
	stopped.CancelRead(requestCancelled)
	// What the server has of the first stream's end, it has of this one's, too.
	ask(t, conn, doqQuery(t, 1))
	if _, err := stopped.Write(frame(doqQuery(t, 1))[5:]); err != nil {
		t.Fatal(err)
	}
	stopped.Close()
	eventually(t, "two cancelled queries", func() bool { return s.Counters().Cancelled == 2 })
	ask(t, conn, doqQuery(t, 1))
}

// TestRapidReset opens and resets streams without end, as in CVE-2023-44487.
func TestRapidReset(t *testing.T) {
	s := serve(t, nil)
	conn := dial(t, s)
	for {
		stream, err := conn.OpenStreamSync(deadline(t))
		if err != nil {
			break
		}
		stream.Write([]byte{0})
		stream.CancelWrite(requestCancelled)
	}
	closedWith(t, conn, excessiveLoad)
	if c := s.Counters(); c.Overloads != 1 || c.Cancelled < freeCancels || c.Cancelled > freeCancels+200 {
		t.Errorf("counters %+v: expected the end after some %d cancelled queries", c, freeCancels)
	}
	ask(t, dial(t, s), doqQuery(t, 1))
}

func TestMessageOrder(t *testing.T) {
	s := serve(t, nil)
	conn := dial(t, s)
	var streams []*quic.Stream
	for range 50 {
		streams = append(streams, open(t, conn))
	}
	for n, stream := range slices.Backward(streams) {
		if _, err := stream.Write(frame(doqQuery(t, n))); err != nil {
			t.Fatal(err)
		}
		stream.Close()
	}
	for n, stream := range streams {
		answer, err := quicload.Answer(stream)
		if err == nil {
			err = testengine.Check(doqQuery(t, n), answer)
		}
		if err != nil {
			t.Errorf("stream %d: %v", n, err)
		}
	}
}

func TestJudge(t *testing.T) {
	good := frame(doqQuery(t, 1))
	for _, test := range []struct {
		data []byte
		fin  bool
		want verdict
	}{
		{nil, false, unfinished},
		{nil, true, malformed},
		{good[:1], false, unfinished},
		{good[:2], false, unfinished},
		{good, false, unfinished},
		{good, true, complete},
		{good[:len(good)-1], true, malformed},
		{append(slices.Clone(good), 0), false, malformed},
		{[]byte{0, 11}, false, malformed},
		{[]byte{0xff, 0xff}, false, oversize},
	} {
		if _, got := judge(test.data, test.fin, 4096); got != test.want {
			t.Errorf("judge(%x, FIN %v) = %v, expected %v", test.data, test.fin, got, test.want)
		}
	}
}

func TestTooEarly(t *testing.T) {
	update := new(dns.Msg).SetUpdate("tw.")
	update.Id = 0
	update.RecursionDesired = true
	withEDNS := update.Copy()
	withEDNS.SetEdns0(1232, true)
	for _, m := range []*dns.Msg{update, withEDNS} {
		wire := testengine.Pack(t, m)
		if replayable(wire) {
			t.Errorf("opcode UPDATE counts as replayable")
		}
		var got dns.Msg
		if err := got.Unpack(appendTooEarly(nil, wire)); err != nil {
			t.Fatal(err)
		}
		if !got.Response || got.Rcode != dns.RcodeRefused || got.Opcode != dns.OpcodeUpdate || !got.RecursionDesired || len(got.Question) != 1 || got.Question[0] != m.Question[0] {
			t.Errorf("refused by %v", &got)
		}
		opt := got.IsEdns0()
		switch {
		case m.IsEdns0() == nil:
			if opt != nil {
				t.Errorf("OPT %v though the query had none", opt)
			}
		case opt == nil || len(opt.Option) != 1:
			t.Errorf("OPT %v: expected an extended error", opt)
		default:
			if ede, ok := opt.Option[0].(*dns.EDNS0_EDE); !ok || ede.InfoCode != dns.ExtendedErrorCodeTooEarly {
				t.Errorf("option %v: expected Too Early", opt.Option[0])
			}
		}
	}
}

// FuzzStream gives judge what a client might send, whole and in two parts, and
// compares the message with miekg/dns's view.
func FuzzStream(f *testing.F) {
	good := doqQuery(f, 1)
	opt := testengine.NewQuery(1)
	opt.Id = 0
	opt.SetEdns0(1232, true)
	opt.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}}
	pointer := slices.Concat(good[:12], []byte{0xc0, 12, 0, 1, 0, 1, 0xc0, 12, 0, 41, 0, 0, 0, 0, 0, 0, 0, 4, 0, 11, 0, 0})
	pointer[11] = 1
	for _, seed := range [][]byte{nil, {0}, {0, 0}, frame(good), frame(good)[:9], slices.Concat(frame(good), frame(good)), frame(testengine.Pack(f, opt)), frame(pointer)} {
		f.Add(seed, uint16(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		message, v := judge(data, true, 4096)
		if v == unfinished {
			t.Fatalf("%x with FIN is unfinished", data)
		}
		part := data[:min(int(cut), len(data))]
		if _, early := judge(part, false, 4096); early == complete || early == malformed && v == complete || early == oversize && v == complete {
			t.Fatalf("%x is %v, but %x, of which more is to come, is %v", data, v, part, early)
		}
		if v != complete {
			return
		}
		if len(message) != int(binary.BigEndian.Uint16(data)) || len(message) != len(data)-2 {
			t.Fatalf("message of %d bytes in %x", len(message), data)
		}
		early := appendTooEarly(nil, message)
		var refusal dns.Msg
		var m dns.Msg
		if m.Unpack(message) != nil {
			return
		}
		if err := refusal.Unpack(early); err != nil {
			t.Fatalf("%x is refused by %x: %v", message, early, err)
		}
		if m.Id != 0 || m.Response {
			t.Fatalf("%x is accepted", message)
		}
		if opt := m.IsEdns0(); opt != nil {
			for _, option := range opt.Option {
				if option.Option() == dns.EDNS0TCPKEEPALIVE {
					t.Fatalf("%v is accepted", &m)
				}
			}
		}
	})
}

func (v verdict) String() string {
	return [...]string{"unfinished", "complete", "malformed", "oversize"}[v]
}
