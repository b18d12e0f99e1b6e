package transports

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// question is one that every client asks over every transport, with DO=1.
type question struct {
	name  string // with U-labels
	qtype uint16
	// What the whole answer must be, so that not all transports agree on nonsense.
	rcode              int
	answers, authority int  // records, the proofs among them
	large              bool // too large for UDP
}

var questions = []question{
	{"tw.", dns.TypeSOA, dns.RcodeSuccess, 2, 0, false},
	{"tw.", dns.TypeDNSKEY, dns.RcodeSuccess, 2, 0, false},
	{"nic.tw.", dns.TypeMX, dns.RcodeSuccess, 3, 0, false},
	{"資訊.台灣.", dns.TypeHTTPS, dns.RcodeSuccess, 2, 0, false},
	{"start.nic.tw.", dns.TypeAAAA, dns.RcodeSuccess, 10, 0, false},
	{"www.registry.tw.", dns.TypeA, dns.RcodeSuccess, 8, 0, false},
	{"any.apps.nic.tw.", dns.TypeA, dns.RcodeSuccess, 2, 2, false},
	{"www.example.com.tw.", dns.TypeA, dns.RcodeSuccess, 0, 6, false},
	{"www.signed.com.tw.", dns.TypeA, dns.RcodeSuccess, 0, 4, false},
	{"nic.tw.", dns.TypeSRV, dns.RcodeSuccess, 0, 4, false},
	{"does-not-exist.tw.", dns.TypeA, dns.RcodeNameError, 0, 8, false},
	{"不存在.台灣.", dns.TypeA, dns.RcodeNameError, 0, 6, false},
	{"big.nic.tw.", dns.TypeTXT, dns.RcodeSuccess, 25, 0, true},
	{"example.com.", dns.TypeA, dns.RcodeRefused, 0, 0, false},
}

// ascii is the name with A-labels.
func (q question) ascii() string {
	wire, err := dname.ParseFQDN(q.name)
	if err != nil {
		panic(err) // a mistake in the table
	}
	return dname.String(wire)
}

func (q question) String() string { return q.ascii() + " " + dns.TypeToString[q.qtype] }

// message is the question with the ID that DoH and DoQ want: 0.
func (q question) message() *dns.Msg {
	m := new(dns.Msg).SetQuestion(q.ascii(), q.qtype)
	m.Id, m.RecursionDesired = 0, false
	m.SetEdns0(1232, true)
	return m
}

func (q question) wire(t testing.TB) []byte { return pack(t, q.message()) }

// padded asks for an answer that doesn't tell its length (RFC 7830).
func (q question) padded(t testing.TB) []byte {
	m := q.message()
	opt := m.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_PADDING{Padding: make([]byte, 64)})
	return pack(t, m)
}

func pack(t testing.TB, m *dns.Msg) []byte {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// check compares a whole answer with the table.
func (q question) check(wire []byte) error {
	var m dns.Msg
	if err := m.Unpack(wire); err != nil {
		return err
	}
	if m.Rcode != q.rcode || len(m.Answer) != q.answers || len(m.Ns) != q.authority || m.Truncated {
		return fmt.Errorf("expected %s, %d records and %d of authority, found\n%v", dns.RcodeToString[q.rcode], q.answers, q.authority, &m)
	}
	return nil
}

// plain is an answer without what depends on the transport: ID, padding, and how
// long the connection is kept (RFC 7828).
func plain(t testing.TB, wire []byte) string {
	t.Helper()
	var m dns.Msg
	if err := m.Unpack(wire); err != nil {
		t.Fatalf("%v: %x", err, wire)
	}
	m.Id = 0
	if opt := m.IsEdns0(); opt != nil {
		opt.Option = slices.DeleteFunc(opt.Option, func(o dns.EDNS0) bool {
			return o.Option() == dns.EDNS0PADDING || o.Option() == dns.EDNS0TCPKEEPALIVE
		})
	}
	return m.String()
}

// Lines of dig and kdig that tell of the transport, of time, and of what plain leaves out.
var (
	ofTransport = regexp.MustCompile(`(?m)^(;; (TLS|HTTP|QUIC) session|;; (Received|Time|From|Query time:|SERVER:|WHEN:|MSG SIZE)|` +
		`;; (PADDING|WARNING: truncated)|; PAD:|;; (Got answer:|Truncated, retrying)|; <<>>|; \(1 server|;; global options).*\n`)
	ofID   = regexp.MustCompile(`(?m)^(;; ->>HEADER<<-.*[;,] id: )\d+$`)
	spaces = regexp.MustCompile(`\n{2,}`)
)

// printed is what dig or kdig has printed, likewise.
func printed(output string) string {
	output = ofTransport.ReplaceAllString(output, "")
	output = ofID.ReplaceAllString(output, "${1}0")
	return strings.TrimSpace(spaces.ReplaceAllString(output, "\n"))
}

// firstDifference is the first line that is not the same in both.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var have, expected string
		if i < len(g) {
			have = g[i]
		}
		if i < len(w) {
			expected = w[i]
		}
		if have != expected {
			return fmt.Sprintf("line %d is\n%s\nexpected\n%s", i+1, have, expected)
		}
	}
	return "none"
}
