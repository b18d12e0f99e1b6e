package testengine

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

// Delegations is how many d0.tw., d1.tw., … there are in [New]'s zone.
const Delegations = 10_000

// Query asks for the address of www in delegation n; its ID is n modulo 2¹⁶. The
// zone's names are lower case, the question's aren't.
func Query(t testing.TB, n int) []byte {
	t.Helper()
	return Pack(t, NewQuery(n))
}

// NewQuery is Query as a message to be added to.
func NewQuery(n int) *dns.Msg {
	m := new(dns.Msg).SetQuestion(fmt.Sprintf("www.D%d.tw.", n%Delegations), dns.TypeA)
	m.Id = uint16(n)
	return m
}

// LongQuery asks for an RRset of some 20 kB.
func LongQuery(t testing.TB, n int) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion("long.tw.", dns.TypeTXT)
	m.Id = uint16(n)
	return Pack(t, m)
}

// Pack is m in wire format.
func Pack(t testing.TB, m *dns.Msg) []byte {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// Frame puts a message's length before it (RFC 1035 §4.2.2).
func Frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

// Check reports an answer that doesn't belong to the query, which has no
// additional records.
func Check(query, answer []byte) error {
	switch {
	case len(answer) < len(query):
		return fmt.Errorf("answer %x is shorter than the query %x", answer, query)
	case answer[2]&0x80 == 0:
		return fmt.Errorf("answer %x has QR=0", answer)
	case string(answer[:2]) != string(query[:2]):
		return fmt.Errorf("answer has ID %x, the query %x", answer[:2], query[:2])
	case string(answer[12:len(query)]) != string(query[12:]):
		return fmt.Errorf("answer has another question: %q, the query %q", answer[12:len(query)], query[12:])
	}
	return nil
}
