package stream

import (
	"bytes"
	"crypto/tls"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"yushan/internal/peer"
	"yushan/internal/testengine"
)

// Records of any kind that bring nothing are of no use to a client.
func TestRecordsWithoutData(t *testing.T) {
	for _, tt := range []struct {
		name   string
		record func(f *forger) []byte
	}{
		{"key updates", func(f *forger) []byte { return f.update() }},
		{"empty records", func(f *forger) []byte { return f.record(recordData, nil, 0) }},
		{"padding", func(f *forger) []byte { return f.record(recordData, nil, 16_000) }},
		{"alerts to be ignored", func(f *forger) []byte { return f.record(recordAlert, []byte{1, 90}, 0) }},
		{"a message that doesn't end", func(f *forger) []byte {
			return f.record(recordHandshake, append([]byte{24, 0, 0xff, 0xff}, make([]byte, 1000)...), 0)
		}},
		{"unknown records", func(f *forger) []byte { return f.record(99, []byte{1}, 0) }},
	} {
		s := startOn(t, dot, Limits{IdleTimeout: 10 * patience, FrameTimeout: 10 * patience})
		f := forge(t, s)
		f.send(f.record(recordData, testengine.Frame(testengine.Query(t, 1)), 0))
		c := newClient(t, f.secure)
		c.receive(testengine.Query(t, 1))
		for range 100 {
			if _, err := f.Write(tt.record(f)); err != nil {
				break
			}
		}
		if _, err := io.Copy(io.Discard, f.Conn); isTimeout(err) {
			t.Errorf("%s: %v, expected the connection to be closed", tt.name, err)
		}
		eventually(t, tt.name+": memory isn't given back", func() bool {
			counters := s.Counters()
			return counters.Open == 0 && counters.PendingBytes == 0
		})
	}
}

// Key updates beside queries are a client's right. Those whose answers aren't
// taken are what other answers are.
func TestKeyUpdates(t *testing.T) {
	s := startOn(t, dot, Limits{})
	f := forge(t, s)
	c := newClient(t, f.secure)
	for n := range 40 {
		query := testengine.Query(t, n)
		frame := testengine.Frame(query)
		f.send(slices.Concat(f.record(recordData, frame[:9], n), f.update(), f.record(recordData, frame[9:], 0)))
		c.receive(query)
	}
}

func TestKeyUpdateFlood(t *testing.T) {
	s := startOn(t, dot, Limits{MaxPendingBytes: 1 << 20, WriteTimeout: 300 * time.Millisecond, IdleTimeout: 10 * patience})
	f := forge(t, s)
	frame := testengine.Frame(testengine.LongQuery(t, 1))
	go func() {
		for {
			var many []byte
			for range 20 {
				many = append(append(many, f.update()...), f.record(recordData, frame, 0)...)
			}
			if _, err := f.Write(many); err != nil {
				return
			}
		}
	}()
	eventually(t, "the client that doesn't read isn't cut off", func() bool { return s.Counters().SlowReaders == 1 })
	eventually(t, "its memory isn't given back", func() bool { return s.Counters().PendingBytes == 0 })
	dial(t, s).exchange(1)
}

// Slowloris, one layer lower: a record has to come to its end as a frame has.
func TestRecordTimeout(t *testing.T) {
	s := startOn(t, dot, Limits{FrameTimeout: 300 * time.Millisecond, IdleTimeout: 10 * patience})
	quiet, dripping := forge(t, s), forge(t, s)
	quiet.send(quiet.record(recordData, testengine.Frame(testengine.Query(t, 1)), 100)[:50])
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, b := range dripping.record(recordData, testengine.Frame(testengine.Query(t, 1)), 16_000) {
			if _, err := dripping.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	for _, f := range []*forger{quiet, dripping} {
		if _, err := io.Copy(io.Discard, f.Conn); isTimeout(err) {
			t.Errorf("%v, expected the connection to be closed", err)
		}
	}
	<-done
	eventually(t, "time-outs aren't counted", func() bool { return s.Counters().FrameTimeouts == 2 })
}

// A byte in each record.
func TestTinyRecords(t *testing.T) {
	s := startOn(t, dot, Limits{})
	f := forge(t, s)
	c := newClient(t, f.secure)
	var all []byte
	for n := range 50 {
		for _, b := range testengine.Frame(testengine.Query(t, n)) {
			all = append(all, f.record(recordData, []byte{b}, 0)...)
		}
	}
	f.send(all)
	for n := range 50 {
		c.receive(testengine.Query(t, n))
	}
}

// A client may say that it is done (close_notify) and still wants its answers.
func TestCloseNotify(t *testing.T) {
	s := startOn(t, dot, Limits{})
	f := forge(t, s)
	c := newClient(t, f.secure)
	f.send(slices.Concat(f.record(recordData, testengine.Frame(testengine.Query(t, 1)), 0), f.record(recordAlert, []byte{1, 0}, 0)))
	c.receive(testengine.Query(t, 1))
	c.closed()
}

// A record that was tampered with ends the connection.
func TestBadRecord(t *testing.T) {
	s := startOn(t, dot, Limits{})
	f := forge(t, s)
	c := newClient(t, f.secure)
	f.send(f.record(recordData, testengine.Frame(testengine.Query(t, 1)), 0))
	c.receive(testengine.Query(t, 1))
	bad := f.record(recordData, testengine.Frame(testengine.Query(t, 2)), 0)
	bad[len(bad)-1] ^= 1
	f.send(bad)
	if _, err := c.frame(); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("after a bad record: error %v, expected the alert bad_record_mac", err)
	}
}

// RFC 5746 renegotiation isn't for servers: OpenSSL's client asks for it by "R".
func TestRenegotiation(t *testing.T) {
	openssl := peer.Tool(t, "openssl", "openssl")
	s := startOn(t, dot, Limits{IdleTimeout: 10 * patience})
	cmd := exec.Command(openssl, "s_client", "-connect", s.Addr().String(), "-tls1_2", "-alpn", "dot")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	eventually(t, "no handshake", func() bool { return s.Counters().Handshakes == 1 })
	in.Write([]byte("R\n"))
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("OpenSSL's client goes on:\n%s", &out)
	}
	if text := out.String(); !strings.Contains(text, "RENEGOTIATING") {
		t.Errorf("OpenSSL's client didn't try:\n%s", text)
	}
	eventually(t, "the connection stays open", func() bool { return s.Counters().Open == 0 })
	if n := s.Counters().Handshakes; n != 1 {
		t.Errorf("%d handshakes, expected that the second wasn't done", n)
	}
}

// Where records begin and end doesn't depend on how they arrive.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("\x16\x03\x01\x00\x02ab\x17\x03\x03\x00\x00\x17\x03\x03\x00\x01x"), uint16(3))
	f.Add([]byte("\x17\x03\x03\xff\xff"), uint16(1))
	f.Add([]byte("\x17\x03"), uint16(7))
	f.Fuzz(func(t *testing.T, data []byte, step uint16) {
		var whole, pieces records
		whole.follow(data)
		for chunk := range slices.Chunk(data, int(step)+1) {
			pieces.follow(chunk)
		}
		if whole != pieces {
			t.Errorf("at once %+v, in pieces %+v", whole, pieces)
		}
		// The same with a view of all.
		at, longest := 0, 0
		for len(data)-at >= recordHeaderBytes {
			length := recordHeaderBytes + int(data[at+3])<<8 + int(data[at+4])
			longest = max(longest, min(length, maxRecordBytes))
			if len(data)-at < length {
				break
			}
			at += length
		}
		if part := len(data) - at; whole.part() != part || whole.midway() != (part > 0) || whole.longest != longest {
			t.Errorf("%+v, part %d: expected part %d, longest %d", whole, whole.part(), part, longest)
		}
	})
}

// TLS 1.2 works as 1.3 does.
func TestTLS12(t *testing.T) {
	s := startOn(t, dot, Limits{})
	config := clientTLS()
	config.MaxVersion = tls.VersionTLS12
	conn, err := tls.Dial("tcp", s.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn)
	var all []byte
	for n := range 300 {
		all = append(all, testengine.Frame(testengine.Query(t, n))...)
	}
	c.send(all)
	for n := range 300 {
		c.receive(testengine.Query(t, n))
	}
}
