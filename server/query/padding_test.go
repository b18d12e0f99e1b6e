package query_test

import (
	"bytes"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/testengine"
	"yushan/server/query"
)

// Where the memory for an answer ends before the next multiple of 468, padding
// fills it, and where not even an empty option fits, the answer goes without; it
// never loses a record for it (RFC 7830 §4, RFC 8467 §4.1).
func TestPaddingFillsTheRoomThereIs(t *testing.T) {
	const block, head = 468, 4
	engine := testengine.New(t).Load()
	worker := query.NewWorker()
	ask := func(m *dns.Msg, room int) []byte {
		dst := bytes.Repeat([]byte{0xaa}, room) // what another answer has left there
		n := engine.Answer(worker, &query.Request{Wire: testengine.Pack(t, m), Transport: query.DoH}, dst)
		return dst[:n]
	}
	for _, name := range []string{"tw.", "long.tw."} {
		m := new(dns.Msg).SetQuestion(name, dns.TypeTXT)
		m.SetEdns0(1232, false)
		plain := ask(m, 65535)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{}}
		for room := max(512, len(plain)); room < max(512, len(plain))+3*block; room++ {
			got := ask(m, room)
			want := min((len(plain)+head+block-1)/block*block, room)
			if room < len(plain)+head {
				want = len(plain)
			}
			if len(got) != want {
				t.Fatalf("%s: an answer of %d bytes in room for %d was padded to %d, expected %d", name, len(plain), room, len(got), want)
			}
			var response dns.Msg
			if err := response.Unpack(got); err != nil {
				t.Fatalf("%s: %d bytes can't be read: %v", name, len(got), err)
			}
			options := response.IsEdns0().Option
			if room < len(plain)+head {
				if len(options) > 0 || response.Truncated || len(got) != len(plain) {
					t.Fatalf("%s: expected %d bytes without padding in room for %d, got %v", name, len(plain), room, &response)
				}
				continue
			}
			padding, ok := options[0].(*dns.EDNS0_PADDING)
			if len(options) != 1 || !ok || bytes.ContainsFunc(padding.Padding, func(r rune) bool { return r != 0 }) {
				t.Fatalf("%s: expected one option with zeros, got %v", name, options)
			}
		}
	}
}
