package lookup_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/miekg/dns"

	"yushan/internal/browser"
)

// decoded is what the page's decoder makes of a message.
type decoded struct {
	Header *struct {
		ID, Opcode, Rcode             int
		QR, AA, TC, RD, RA, Z, AD, CD bool
	}
	Rcode                         int
	Question                      []decodedRecord
	Answer, Authority, Additional []decodedRecord
	Opt                           *struct {
		UDPBytes, Version int
		Do                bool
		Options           []struct {
			Code int
			Text string
		}
		Problem string
	}
	Problem string
	Summary string
	Thrown  string
}

type decodedRecord struct {
	Name, Unicode string
	Type, Class   int
	TTL           uint32
	Text, Problem string
	TypeName      string
	Note          string
}

// decodeScript decodes messages with the page's own modules, and also does with
// the result what the page does, except for making elements.
const decodeScript = `(async (messages) => {
	const { decodeMessage } = await import("/lookup/message.js");
	const { messageText, rdataText, hexRows } = await import("/lookup/text.js");
	const { summary, note } = await import("/lookup/describe.js");
	const { typeName } = await import("/lookup/registry.js");
	const record = (r) => ({
		name: r.name.text, unicode: r.name.unicode, type: r.type, class: r.class, ttl: r.ttl ?? 0,
		text: r.tokens ? rdataText(r) : "", problem: r.problem ?? "", typeName: typeName(r.type), note: r.tokens ? note(r, 1800000000) : "",
	});
	return messages.map((text) => {
		try {
			const m = decodeMessage(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
			messageText(m);
			hexRows(m.bytes, 16);
			return {
				header: m.header, rcode: m.rcode,
				question: m.question.map(record), answer: m.answer.map(record), authority: m.authority.map(record), additional: m.additional.map(record),
				opt: m.opt && { ...m.opt, problem: m.opt.problem ?? "" },
				problem: m.problem ? m.problem.text : "", summary: summary(m).title + ": " + summary(m).text,
			};
		} catch (error) {
			return { thrown: String(error.stack) };
		}
	});
})`

// call runs a function of the page's with one argument.
func call[R any](t *testing.T, tab context.Context, function string, argument any) R {
	t.Helper()
	text, err := json.Marshal(argument)
	if err != nil {
		t.Fatal(err)
	}
	result, err := chromedp.Run(tab, chromedp.Evaluate[R](function+"("+string(text)+")", chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func decode(t *testing.T, tab context.Context, messages [][]byte) []decoded {
	t.Helper()
	const batch = 500
	var out []decoded
	for len(messages) > 0 {
		n := min(batch, len(messages))
		texts := make([]string, n)
		for i, m := range messages[:n] {
			texts[i] = base64.StdEncoding.EncodeToString(m)
		}
		out = append(out, call[[]decoded](t, tab, decodeScript, texts)...)
		messages = messages[n:]
	}
	return out
}

func openPage(t *testing.T) (*site, context.Context) {
	t.Helper()
	s := serve(t, labOptions())
	tab := browser.Start(t, s.pin)
	if err := chromedp.Do(tab, chromedp.Navigate(s.URL+"/")); err != nil {
		t.Fatal(err)
	}
	return s, tab
}

// TestDecode tests the page's decoder in the browser.
func TestDecode(t *testing.T) {
	_, tab := openPage(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{
		{"differential", testDifferential},
		{"damaged", testDamaged},
		{"problems", testProblems},
		{"malformed RDATA", testMalformedRdata},
		{"text", testText},
		{"names", testNames},
		{"queries", testQueries},
		{"registries", testRegistries},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, tab) })
	}
}

// The page and miekg/dns read the same in a message.
func testDifferential(t *testing.T, tab context.Context) {
	messages := corpus(t)
	wires := make([][]byte, len(messages))
	for i, m := range messages {
		wires[i] = pack(t, m)
	}
	seen := map[uint16]bool{}
	for i, d := range decode(t, tab, wires) {
		if d.Thrown != "" || d.Problem != "" {
			t.Errorf("message %x:\nexpected no problem, got %q %s", wires[i], d.Problem, d.Thrown)
			continue
		}
		if difference := compare(d, wires[i], seen); difference != "" {
			t.Errorf("message %x:\n%s", wires[i], difference)
		}
	}
	for _, text := range recordTexts {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		if !seen[rr.Header().Rrtype] {
			t.Errorf("no record of type %s was compared", dns.Type(rr.Header().Rrtype))
		}
	}
}

func pack(t *testing.T, m *dns.Msg) []byte {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatalf("%s\n%v", m, err)
	}
	return wire
}

// Damaged messages are told apart from good ones, and never stop the decoder.
func testDamaged(t *testing.T, tab context.Context) {
	messages := corpus(t)
	random := rand.New(rand.NewPCG(1035, 414))
	var wires [][]byte
	for _, m := range messages {
		wire := pack(t, m)
		if len(wires) > 1000 {
			break
		}
		if len(wire) < 300 {
			continue
		}
		for n := range len(wire) {
			wires = append(wires, wire[:n])
		}
	}
	prefixes := len(wires)
	for range 2000 {
		wire := append([]byte{}, pack(t, messages[random.IntN(len(messages))])...)
		for range 1 + random.IntN(4) {
			at := random.IntN(len(wire))
			switch random.IntN(4) {
			case 0:
				wire[at] = byte(random.Uint32())
			case 1:
				wire[at] ^= 1 << random.IntN(8)
			case 2:
				wire[at] |= 0xc0 // a pointer, if it was the length of a label
			case 3:
				wire = append(wire[:at:at], wire[at+random.IntN(min(4, len(wire)-at)):]...)
			}
			if len(wire) == 0 {
				break
			}
		}
		wires = append(wires, wire)
	}
	for i, d := range decode(t, tab, wires) {
		switch {
		case d.Thrown != "":
			t.Errorf("message %x:\n%s", wires[i], d.Thrown)
		case i < prefixes && d.Problem == "":
			t.Errorf("%x is only the start of a message, but the page found nothing wrong with it", wires[i])
		}
	}
}

func testProblems(t *testing.T, tab context.Context) {
	header := func(answers byte) string { return "0000 8400 0000 00" + fmt.Sprintf("%02x", answers) + " 0000 0000" }
	longChain := header(0)
	longChain = strings.Replace(longChain, "8400 0000", "8400 0001", 1) + "00"
	for i := range 200 { // byte 13+2i points to the one before
		at := 12
		if i > 0 {
			at = 13 + 2*(i-1)
		}
		longChain += fmt.Sprintf("%04x", 0xc000+at)
	}
	cases := []struct{ name, message, problem string }{
		{"nothing", "", "a message has at least 12 bytes; this has 0"},
		{"half a header", "0000 8400 0000", "a message has at least 12 bytes; this has 6"},
		{"no question", "0000 8400 0001 0000 0000 0000", "question 1: cut short: the name doesn't end"},
		{"no room for a record", header(1), "answer record 1: cut short: the owner doesn't end"},
		{"a pointer to itself", header(1) + "c00c 0001 0001 00000000 0004 c0000201", "answer record 1: the owner has a compression pointer to byte 12, which is not before it"},
		{"a pointer forwards", header(1) + "c00e 00 0001 0001 00000000 0004 c0000201", "answer record 1: the owner has a compression pointer to byte 14, which is not before it"},
		{"a loop over labels", header(1) + "0161 c00c 0001 0001 00000000 0004 c0000201", "answer record 1: the owner has a compression pointer to byte 12, which is not before it"},
		{"a pointer cut short", header(1) + "c0", "answer record 1: cut short: the owner ends within a compression pointer"},
		{"a label cut short", header(1) + "05 6161", "answer record 1: cut short: the owner ends within a label of 5 bytes"},
		{"an extended label", header(1) + "41 61 00", "answer record 1: the owner has a label of an unknown sort (0x41)"},
		{"a name too long", header(1) + strings.Repeat("3f"+strings.Repeat("61", 63), 4) + "00", "answer record 1: the owner is longer than 255 bytes"},
		{"RDATA cut short", header(1) + "00 0001 0001 00000000 0004 c000", "answer record 1: cut short: the RDATA needs 4 bytes, but 2 are left"},
		{"no TTL", header(1) + "00 0001 0001 0000", "answer record 1: cut short: the TTL needs 1 byte, but 0 are left"},
		{"bytes behind", header(1) + "00 0001 0001 00000000 0004 c0000201 ff", "1 byte follows the end of the message"},
	}
	var wires [][]byte
	for _, c := range cases {
		wires = append(wires, unhex(t, c.message))
	}
	wires = append(wires, unhex(t, longChain+"0001 0001"))
	results := decode(t, tab, wires)
	for i, c := range cases {
		if got := results[i]; got.Problem != c.problem || got.Thrown != "" {
			t.Errorf("%s: got %q %s, want %q", c.name, got.Problem, got.Thrown, c.problem)
		}
	}
	// The question's name is the root; what follows is never asked for.
	if got := results[len(cases)]; !strings.Contains(got.Problem, "follow the end") {
		t.Errorf("a chain of pointers that nothing leads to: got %q", got.Problem)
	}
}

// RDATA that is not what its type says spoils its record only.
func testMalformedRdata(t *testing.T, tab context.Context) {
	cases := []struct {
		rtype          uint16
		rdata, problem string
	}{
		{dns.TypeA, "c00002", "the RDATA is not that of A: cut short: an IPv4 address needs 4 bytes, but 3 are left"},
		{dns.TypeA, "c000020101", "the RDATA is not that of A: 1 of its bytes is left over"},
		{dns.TypeMX, "000a", "the RDATA is not that of MX: cut short: a name doesn't end"},
		{dns.TypeNS, "c0ff", "the RDATA is not that of NS: a name has a compression pointer to byte 255, which is not before it"},
		{dns.TypeTXT, "", "the RDATA is not that of TXT: cut short: a character-string needs 1 byte, but 0 are left"},
		{dns.TypeTXT, "05616161", "the RDATA is not that of TXT: cut short: a character-string needs 5 bytes, but 3 are left"},
		{dns.TypeNSEC, "00 0000", "the RDATA is not that of NSEC: the type bit maps are malformed"},
		{dns.TypeNSEC, "00 0021" + strings.Repeat("01", 33), "the RDATA is not that of NSEC: the type bit maps are malformed"},
		{dns.TypeNSEC, "00 010140 000140", "the RDATA is not that of NSEC: the type bit maps are malformed"},
		{dns.TypeHTTPS, "0001 00 0003 0002 01bb 0001 0003 026832", "the RDATA is not that of HTTPS: the SvcParamKeys are not in increasing order"},
		{dns.TypeHTTPS, "0001 00 0003 0003 01bb00", "the RDATA is not that of HTTPS: the SvcParam port is malformed"},
		{dns.TypeLOC, "01" + strings.Repeat("00", 15), "the RDATA is not that of LOC: version 1 of LOC is not known"},
		{dns.TypeLOC, "00aa1313" + strings.Repeat("00", 12), "the RDATA is not that of LOC: the size is malformed"},
		{dns.TypeLOC, "00121313" + strings.Repeat("00", 12), "the RDATA is not that of LOC: an angle is out of range"},
		{dns.TypeAPL, "0003 08 01 7f", "the RDATA is not that of APL: an address prefix is malformed"},
		{dns.TypeCAA, "00 02 2020 61", "the RDATA is not that of CAA: the tag is not letters and digits"},
		{dns.TypeIPSECKEY, "0a 09 02", "the RDATA is not that of IPSECKEY: an address of sort 9 is not known"},
		{dns.TypeDNSKEY, "0101", "the RDATA is not that of DNSKEY: cut short: a number needs 1 byte, but 0 are left"},
	}
	var wires [][]byte
	for _, c := range cases {
		rdata := unhex(t, c.rdata)
		wires = append(wires, unhex(t, fmt.Sprintf("0000 8400 0000 0002 0000 0000  00 %04x 0001 00000000 %04x %x  00 0001 0001 00000000 0004 c0000201", c.rtype, len(rdata), rdata)))
	}
	for i, got := range decode(t, tab, wires) {
		c := cases[i]
		if got.Problem != "" || got.Thrown != "" || len(got.Answer) != 2 {
			t.Errorf("%s %s: got the problem %q %s", dns.Type(c.rtype), c.rdata, got.Problem, got.Thrown)
			continue
		}
		rdata := unhex(t, c.rdata)
		generic := strings.TrimSpace(fmt.Sprintf(`\# %d %X`, len(rdata), rdata))
		if r := got.Answer[0]; r.Problem != c.problem || r.Text != generic {
			t.Errorf("%s %s: got %q, problem %q; want %q, problem %q", dns.Type(c.rtype), c.rdata, r.Text, r.Problem, generic, c.problem)
		}
		if r := got.Answer[1]; r.Text != "192.0.2.1" {
			t.Errorf("%s %s: the record behind is %q", dns.Type(c.rtype), c.rdata, r.Text)
		}
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
