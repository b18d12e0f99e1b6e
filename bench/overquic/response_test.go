package overquic

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go/quicvarint"

	"yushan/bench/load"
)

func frame(kind byte, content ...byte) []byte {
	return append(quicvarint.Append([]byte{kind}, uint64(len(content))), content...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

var ok200 = frame(frameHeaders, 0, 0, 0xc0|25)

func TestAnswer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stream []byte
		want   string // the body, or the error
	}{
		{"indexed", join(ok200, frame(frameData, 'a', 'b')), "ab"},
		{"pieces", join(ok200, frame(frameData, 'a'), frame(0x21, 1, 2, 3), frame(frameData), frame(frameData, 'b')), "ab"},
		{"trailers", join(ok200, frame(frameData, 'a'), frame(frameHeaders, 0, 0)), "a"},
		{"empty", ok200, ""},
		{"interim", join(frame(frameHeaders, 0, 0, 0xc0|24), frame(frameHeaders, 0, 0, 0xff, 0), ok200, frame(frameData, 'a')), "a"},
		{"503 indexed", frame(frameHeaders, 0, 0, 0xc0|28), "HTTP status 503"},
		{"500 indexed", frame(frameHeaders, 0, 0, 0xff, 71-63), "HTTP status 500"},
		{"404 with a body", join(frame(frameHeaders, 0, 0, 0xc0|27), frame(frameData, 'a')), "HTTP status 404"},
		{"a literal with a name of the table", frame(frameHeaders, 0, 0, 0x5f, 24-15, 3, '4', '2', '9'), "HTTP status 429"},
		{"in Huffman's code", frame(frameHeaders, 0, 0, 0x5f, 24-15, 0x82, 0x64, 0x02), "HTTP status 302"},
		{"a literal name", frame(frameHeaders, append([]byte{0, 0, 0x27, 0, ':', 's', 't', 'a', 't', 'u', 's', 3}, "418"...)...), "HTTP status 418"},
		{"nothing", nil, "malformed"},
		{"DATA first", frame(frameData, 'a'), "malformed"},
		{"a frame cut off", append(ok200[:len(ok200):len(ok200)], frameData, 5, 'a'), "malformed"},
		{"a header cut off", []byte{frameHeaders}, "malformed"},
		{"no fields", frame(frameHeaders, 0, 0), "malformed"},
		{"no prefix", frame(frameHeaders), "malformed"},
		{"another field first", frame(frameHeaders, 0, 0, 0xc0|44, 0xc0|25), "malformed"},
		{"a dynamic table", frame(frameHeaders, 1, 0, 0x80), "malformed"},
		{"of the dynamic table", frame(frameHeaders, 0, 0, 0x80|25), "malformed"},
		{"a status of letters", frame(frameHeaders, 0, 0, 0x5f, 24-15, 3, 'a', 'b', 'c'), "malformed"},
		{"a status of two digits", frame(frameHeaders, 0, 0, 0x5f, 24-15, 2, '2', '0'), "malformed"},
		{"SETTINGS", join(ok200, frame(frameSettings)), "malformed"},
		{"a push", join(frame(framePush, 0), ok200), "malformed"},
	} {
		h := new(http3)
		if body, used, err := h.answer(tt.stream, false); body != nil || used != 0 || err != nil {
			t.Errorf("%s, before the end: %q, %d, %v: expected nothing yet", tt.name, body, used, err)
		}
		body, used, err := h.answer(bytes.Clone(tt.stream), true)
		got := string(body)
		if err != nil {
			got = err.Error()
		} else if used != len(tt.stream) {
			t.Errorf("%s: %d bytes used: expected all %d", tt.name, used, len(tt.stream))
		}
		if got != tt.want {
			t.Errorf("%s: %q: expected %q", tt.name, got, tt.want)
		}
	}
}

// What is sent is what another implementation of QPACK reads.
func TestRequest(t *testing.T) {
	long := string(bytes.Repeat([]byte{'p'}, 300))
	for _, message := range [][]byte{[]byte("message"), bytes.Repeat([]byte{7}, 200), bytes.Repeat([]byte{7}, 65535)} {
		for _, get := range []bool{false, true} {
			o := &load.Options{Get: get, Path: "/" + long, Authority: "ns1.example:8443"}
			request := newHTTP3(o).request([]byte("before"), message)
			kind, section, rest, ok := nextFrame(request[len("before"):])
			if !ok || kind != frameHeaders {
				t.Fatalf("%x: expected HEADERS", request[:min(len(request), 40)])
			}
			var got string
			next := qpack.NewDecoder().Decode(section)
			for {
				field, err := next()
				if err != nil {
					break
				}
				got += fmt.Sprintf("%s=%s ", field.Name, field.Value)
			}
			want := ":method=POST :scheme=https :authority=ns1.example:8443 :path=/" + long + " content-type=application/dns-message accept=application/dns-message content-length=" + fmt.Sprint(len(message)) + " "
			if get {
				want = ":method=GET :scheme=https :authority=ns1.example:8443 :path=/" + long + "?dns=" + encodeURL(message) + " accept=application/dns-message "
			}
			if got != want {
				t.Errorf("%s: expected %s", got, want)
			}
			kind, body, rest, ok := nextFrame(rest)
			if sent := ok && kind == frameData && bytes.Equal(body, message) && len(rest) == 0; sent == get {
				t.Errorf("get %t: the message as DATA: %t", get, sent)
			}
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(join(ok200, frame(frameData, 'a', 'b')))
	f.Add(join(frame(frameHeaders, 0, 0, 0xff, 0), ok200, frame(frameData, 'a'), frame(frameData, 'b'), frame(frameHeaders, 0, 0)))
	f.Add(frame(frameHeaders, 0, 0, 0x5f, 24-15, 0x82, 0x64, 0x02))
	f.Add(frame(frameHeaders, append([]byte{0, 0, 0x27, 0, ':', 's', 't', 'a', 't', 'u', 's', 3}, "418"...)...))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, c := range []codec{new(http3), doq{}} {
			length := len(stream)
			message, used, err := c.answer(bytes.Clone(stream), true)
			var status statusError
			switch {
			case err == nil && (used == 0 || used > length || len(message) >= used):
				t.Errorf("%T: a message of %d bytes, %d of %d used", c, len(message), used, length)
			case errors.As(err, &status) && (status < 200 || status > 999):
				t.Errorf("%T: %v", c, err)
			case err != nil && (message != nil || used != 0):
				t.Errorf("%T: %v, and %x", c, err, message)
			}
		}
	})
}

func encodeURL(message []byte) string { return base64.RawURLEncoding.EncodeToString(message) }
