package verify

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/testzone"
)

// small is a zone whose answers are short enough to be read.
const small = `$TTL 300
@         SOA   ns1 host 7 7200 3600 1209600 60
@         NS    ns1
@         NS    ns.example.net.
@         TXT   "apex"
ns1       A     192.0.2.1
www       A     192.0.2.2
www       A     192.0.2.3
alias     CNAME www
out       CNAME www.example.net.
例子        NS    ns1.例子
例子        NS    ns.sister
ns1.例子    A     192.0.2.4
sister    NS    ns.sister
ns.sister A     192.0.2.5
move      DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
*.deleg   NS    ns1
*.subst   DNAME www
loop1     CNAME loop2
loop2     CNAME loop1
a.ent     A     192.0.2.6
`

// plain reads the zone, unsigned. Its U-labels are written as such.
func plain(t testing.TB, origin, text string) served {
	t.Helper()
	text = strings.ReplaceAll(text, "例子", "xn--fsqu00a")
	return serve(t, testzone.Zone{Origin: origin, Records: testzone.MustParse(origin, text)})
}

const (
	soa = "tw. 60 SOA ns1.tw. host.tw. 7 7200 3600 1209600 60\n"
	cut = `
		authority:
		xn--fsqu00a.tw. 300 NS ns1.xn--fsqu00a.tw.
		xn--fsqu00a.tw. 300 NS ns.sister.tw.
		additional:
		ns1.xn--fsqu00a.tw. 300 A 192.0.2.4
	`
)

// What servers may do otherwise gives no alarm, and what is wrong is said in words that
// tell what was found, and what was expected.
func TestJudge(t *testing.T) {
	j := newJudge(plain(t, "tw.", small), false)
	long := strings.Repeat("x", 60) + "." + strings.Repeat("y", 60) + ".move.tw."
	for _, c := range []struct {
		name, answer string
		qtype        uint16
		expected     []string
	}{
		{"www.tw.", "AA\nwww.tw. 300 A 192.0.2.3\nwww.tw. 300 A 192.0.2.2", dns.TypeA, nil},
		{"www.tw.", "AA\nWWW.tw. 300 A 192.0.2.3\nwww.TW. 300 A 192.0.2.2\nauthority:\ntw. 300 NS NS.example.net.\ntw. 300 NS ns1.tw.\nadditional:\nns1.tw. 300 A 192.0.2.1", dns.TypeA, nil},
		{"www.tw.", "AA\nwww.tw. 300 A 192.0.2.3", dns.TypeA, []string{
			"answer: www.tw. A, up to 1232 bytes: the answer section lacks a record: www.tw. 300 A 192.0.2.2"}},
		{"www.tw.", "AA\nwww.tw. 300 A 192.0.2.3\nwww.tw. 300 A 192.0.2.9", dns.TypeA, []string{
			"answer: www.tw. A, up to 1232 bytes: the answer section lacks a record: www.tw. 300 A 192.0.2.2"}},
		{"ns1.tw.", "AA\nns1.tw. 300 A 192.0.2.9", dns.TypeA, []string{
			"answer: ns1.tw. A, up to 1232 bytes: the answer section lacks a record: ns1.tw. 300 A 192.0.2.1"}},
		{"ns1.tw.", "AA\nns1.tw. 300 A 192.0.2.0", dns.TypeA, []string{
			"answer: ns1.tw. A, up to 1232 bytes: found ns1.tw. 300 A 192.0.2.0, expected 192.0.2.1"}},
		{"ns1.tw.", "AA\nns1.tw. 299 A 192.0.2.1", dns.TypeA, []string{
			"ttl: ns1.tw. A, up to 1232 bytes: the TTL of ns1.tw. A in the answer section is 299, expected 300"}},
		{"ns1.tw.", "AA NXDOMAIN\nauthority:\n" + soa, dns.TypeAAAA, []string{
			"rcode: ns1.tw. AAAA, up to 1232 bytes: NXDOMAIN, expected NOERROR: ns1.tw. exists, without the type"}},
		{"none.tw.", "AA NXDOMAIN\nauthority:\n" + soa, dns.TypeA, nil},
		{"none.tw.", "AA NXDOMAIN\nauthority:\n" + soa + "tw. 300 NS ns1.tw.\ntw. 300 NS ns.example.net.", dns.TypeA, nil}, // RFC 2308 §2.1, type 1
		{"none.tw.", "AA NXDOMAIN", dns.TypeA, []string{
			"soa: none.tw. A, up to 1232 bytes: the authority section lacks the SOA record of tw."}},
		{"none.tw.", "AA NXDOMAIN\nauthority:\n" + strings.Replace(soa, "60", "300", 1), dns.TypeA, []string{
			"ttl: none.tw. A, up to 1232 bytes: the TTL of tw. SOA in the authority section is 300, expected 60"}},
		{"none.tw.", "AA\nauthority:\n" + soa, dns.TypeA, []string{
			"rcode: none.tw. A, up to 1232 bytes: NOERROR, expected NXDOMAIN: none.tw. doesn't exist"}},
		{"ent.tw.", "AA\nauthority:\n" + soa, dns.TypeA, nil},
		{"www.xn--fsqu00a.tw.", "NOERROR" + cut, dns.TypeA, nil},
		{"www.xn--fsqu00a.tw.", "NOERROR" + cut + "ns.sister.tw. 300 A 192.0.2.5", dns.TypeA, nil},
		{"www.xn--fsqu00a.tw.", "AA" + cut, dns.TypeA, []string{
			"aa: www.例子.tw. (www.xn--fsqu00a.tw.) A, up to 1232 bytes: AA is set, expected clear: AA is for names of the zone, and this one is delegated"}},
		{"www.xn--fsqu00a.tw.", "NOERROR" + strings.Split(cut, "additional:")[0], dns.TypeA, []string{
			"glue-missing: www.例子.tw. (www.xn--fsqu00a.tw.) A, up to 1232 bytes: glue is missing: ns1.例子.tw. (ns1.xn--fsqu00a.tw.) 300 A 192.0.2.4"}},
		{"www.xn--fsqu00a.tw.", "NOERROR" + cut + "ns.sister.tw. 300 A 192.0.2.6", dns.TypeA, []string{
			"glue-extra: www.例子.tw. (www.xn--fsqu00a.tw.) A, up to 1232 bytes: the additional section has what the zone doesn't have, or has in another form: ns.sister.tw. 300 A 192.0.2.6"}},
		{"www.xn--fsqu00a.tw.", "NOERROR" + cut + "ns1.tw. 300 A 192.0.2.1", dns.TypeA, []string{
			"glue-extra: www.例子.tw. (www.xn--fsqu00a.tw.) A, up to 1232 bytes: nothing leads to ns1.tw. 300 A 192.0.2.1"}},
		{"xn--fsqu00a.tw.", "AA\nauthority:\n" + soa, dns.TypeDS, nil},
		{"xn--fsqu00a.tw.", "NOERROR" + cut, dns.TypeDS, []string{
			"aa: 例子.tw. (xn--fsqu00a.tw.) DS, up to 1232 bytes: AA is clear, expected set: the zone knows what it doesn't have",
			"authority-extra: 例子.tw. (xn--fsqu00a.tw.) DS, up to 1232 bytes: the authority section has what doesn't belong there: 例子.tw. (xn--fsqu00a.tw.) 300 NS ns1.xn--fsqu00a.tw.",
			"soa: 例子.tw. (xn--fsqu00a.tw.) DS, up to 1232 bytes: the authority section lacks the SOA record of tw."}},
		{"alias.tw.", "AA\nalias.tw. 300 CNAME www.tw.\nwww.tw. 300 A 192.0.2.2\nwww.tw. 300 A 192.0.2.3", dns.TypeA, nil},
		{"alias.tw.", "AA\nwww.tw. 300 A 192.0.2.2\nwww.tw. 300 A 192.0.2.3\nalias.tw. 300 CNAME www.tw.", dns.TypeA, []string{
			"section-order: alias.tw. A, up to 1232 bytes: www.tw. A comes before the alias that leads to it"}},
		{"alias.tw.", "AA\nalias.tw. 300 CNAME www.tw.", dns.TypeA, []string{
			"answer: alias.tw. A, up to 1232 bytes: the answer section lacks www.tw. 300 A 192.0.2.2 and 1 more"}},
		{"out.tw.", "AA\nout.tw. 300 CNAME www.example.net.", dns.TypeA, nil},
		{"out.tw.", "AA\nout.tw. 300 CNAME www.example.net.\nwww.example.net. 300 A 192.0.2.7", dns.TypeA, []string{
			"answer-extra: out.tw. A, up to 1232 bytes: the answer section has what doesn't belong there: www.example.net. 300 A 192.0.2.7"}},
		{long, "AA YXDOMAIN\n" + strings.Replace(lineOf("move"), "move", "move.tw.", 1), dns.TypeA, nil},
		{long, "AA NXDOMAIN\n" + strings.Replace(lineOf("move"), "move", "move.tw.", 1), dns.TypeA, []string{
			"rcode: " + long + " A, up to 1232 bytes: NXDOMAIN, expected YXDOMAIN: " + long + " becomes too long by DNAME (RFC 6672 §2.2)"}},
		{"loop1.tw.", "AA\nloop1.tw. 300 CNAME loop2.tw.\nloop2.tw. 300 CNAME loop1.tw.", dns.TypeA, nil},
		{"loop1.tw.", "SERVFAIL", dns.TypeA, nil},
		{"alias.tw.", "SERVFAIL", dns.TypeCNAME, []string{
			"aa: alias.tw. CNAME, up to 1232 bytes: AA is clear, expected set: the zone has the name",
			"answer: alias.tw. CNAME, up to 1232 bytes: the answer section lacks alias.tw. 300 CNAME www.tw.",
			"rcode: alias.tw. CNAME, up to 1232 bytes: SERVFAIL, expected NOERROR: alias.tw. exists, with the type"}},
		{"www.tw.", "AA\nwww.tw. 300 A 192.0.2.3\nwww.tw. 300 A 192.0.2.2", dns.TypeANY, nil},
		{"www.tw.", `AA` + "\n" + `www.tw. 3789 HINFO "RFC8482" ""`, dns.TypeANY, nil},
		{"www.tw.", "AA TC", dns.TypeANY, nil},
		{"www.tw.", "AA", dns.TypeANY, []string{
			"answer: www.tw. ANY, up to 1232 bytes: the answer section is empty, but there are records"}},
		{"tw.", "AA\ntw. 300 TXT apex", dns.TypeANY, nil},
		{"www.tw.", "AA TC", dns.TypeA, []string{
			"tc: www.tw. A, up to 1232 bytes: TC is set, but all of the answer has room: 131 bytes without compression, of 512"}},
		{"www.example.net.", "REFUSED", dns.TypeA, nil},
		{"www.example.net.", "NOERROR\nauthority:\n. 3600 NS a.root-servers.net.", dns.TypeA, []string{
			"authority-extra: www.example.net. A, up to 1232 bytes: the authority section has what doesn't belong there: . 3600 NS a.root-servers.net.",
			"rcode: www.example.net. A, up to 1232 bytes: NOERROR, expected REFUSED: www.example.net. is in none of the zones"}},
	} {
		query := ask(c.name, c.qtype, false)
		found := expressed(t, j, query, reply(t, query, c.answer))
		if !slices.Equal(found, c.expected) {
			t.Errorf("%s %s answered with %s:\nfound    %q\nexpected %q", c.name, dns.Type(c.qtype), c.answer, found, c.expected)
		}
	}
}

// lineOf is the line of the small zone with an owner.
func lineOf(owner string) string {
	for line := range strings.Lines(small) {
		if strings.HasPrefix(line, owner+" ") {
			return strings.TrimSpace(strings.Replace(line, "DNAME ", "300 DNAME ", 1)) + ".tw."
		}
	}
	return ""
}

// expressed are the problems of an answer, sorted.
func expressed(t *testing.T, j *judge, query *dns.Msg, answer []byte) (all []string) {
	t.Helper()
	if !j.check(pack(t, query), answer, time.Now()) {
		return []string{"not judged"}
	}
	for _, p := range j.problems {
		all = append(all, p.rule.String()+": "+p.text)
	}
	slices.Sort(all)
	return all
}

func TestNotJudged(t *testing.T) {
	j := newJudge(plain(t, "tw.", small), false)
	change := func(do func(*dns.Msg)) *dns.Msg {
		m := ask("www.tw.", dns.TypeA, false)
		do(m)
		return m
	}
	for what, query := range map[string]*dns.Msg{
		"a transfer":                    ask("tw.", dns.TypeAXFR, false),
		"a type that is no data":        ask("tw.", dns.TypeMAILB, false),
		"type 0":                        ask("tw.", 0, false),
		"class CH":                      change(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }),
		"NOTIFY":                        change(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }),
		"no question":                   change(func(m *dns.Msg) { m.Question = nil }),
		"two questions":                 change(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }),
		"a record in it":                change(func(m *dns.Msg) { add(&m.Extra, "a. 1 IN A 192.0.2.1") }),
		"a response":                    change(func(m *dns.Msg) { m.Response = true }),
		"a wildcard that delegates":     ask("x.deleg.tw.", dns.TypeA, false),
		"a wildcard that substitutes":   ask("x.subst.tw.", dns.TypeA, false),
		"below a wildcard that does so": ask("y.x.subst.tw.", dns.TypeA, false),
	} {
		if j.check(pack(t, query), reply(t, query, "SERVFAIL"), time.Now()) {
			t.Errorf("%s was judged: %v", what, j.problems)
		}
	}
	if j.check([]byte("\x00\x01"), make([]byte, 12), time.Now()) {
		t.Error("what is no query was judged")
	}
}

func TestHeader(t *testing.T) {
	s := plain(t, "tw.", small)
	right := "AA\nns1.tw. 300 A 192.0.2.1"
	for what, c := range map[string]struct {
		stream   bool
		query    func(*dns.Msg) // changes
		answer   func(*dns.Msg)
		expected []rule
	}{
		"as it is":           {false, nil, nil, nil},
		"as it is, by TCP":   {true, nil, nil, nil},
		"TC by TCP":          {true, nil, func(m *dns.Msg) { m.Truncated = true }, []rule{ruleTC}},
		"BADVERS":            {false, func(m *dns.Msg) { m.IsEdns0().SetVersion(1) }, func(m *dns.Msg) { m.Rcode = dns.RcodeBadVers; m.IsEdns0().SetVersion(0) }, nil},
		"no BADVERS":         {false, func(m *dns.Msg) { m.IsEdns0().SetVersion(1) }, nil, []rule{ruleRcode}},
		"BADCOOKIE":          {false, addCookie, func(m *dns.Msg) { m.Rcode = dns.RcodeBadCookie; m.Answer = nil }, nil},
		"BADCOOKIE for none": {false, nil, func(m *dns.Msg) { m.Rcode = dns.RcodeBadCookie }, []rule{ruleRcode}},
		"RA, AD and CD":      {false, nil, func(m *dns.Msg) { m.RecursionAvailable, m.AuthenticatedData, m.CheckingDisabled = true, true, true }, nil},
		"EDE and NSID": {false, nil, func(m *dns.Msg) {
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: 3}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: "ab"}}
		}, nil},
		"too large": {false, func(m *dns.Msg) { m.IsEdns0().SetUDPSize(0) }, func(m *dns.Msg) {
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 470)}}
		}, []rule{ruleSize}},
		"large by TCP": {true, nil, func(m *dns.Msg) {
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 4700)}}
		}, nil},
		"two OPT records":        {false, nil, func(m *dns.Msg) { m.Extra = append(m.Extra, m.Extra[0]) }, []rule{ruleEDNS}},
		"OPT in another section": {false, nil, func(m *dns.Msg) { m.Ns, m.Extra = m.Extra, nil }, []rule{ruleEDNS}},
		"an EDNS flag":           {false, nil, func(m *dns.Msg) { m.IsEdns0().SetZ(4) }, []rule{ruleEDNS}},
		"the query's EDNS flag":  {false, func(m *dns.Msg) { m.IsEdns0().SetZ(4) }, func(m *dns.Msg) { m.IsEdns0().SetZ(4) }, nil},
	} {
		j := newJudge(s, c.stream)
		query := ask("ns1.tw.", dns.TypeA, false)
		if c.query != nil {
			c.query(query)
		}
		var m dns.Msg
		if err := m.Unpack(reply(t, query, right)); err != nil {
			t.Fatal(err)
		}
		if c.answer != nil {
			c.answer(&m)
		}
		found := j.broken(pack(t, query), pack(t, &m))
		if !slices.Equal(slices.Sorted(maps.Keys(found)), c.expected) {
			t.Errorf("%s: found %v, expected the rules %v", what, found, c.expected)
		}
	}
}

func addCookie(m *dns.Msg) {
	m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"})
}

func TestMessage(t *testing.T) {
	j := newJudge(plain(t, "tw.", small), false)
	query := ask("ns1.tw.", dns.TypeA, false)
	right := reply(t, query, "AA\nns1.tw. 300 A 192.0.2.1")
	for n := range right {
		if found := j.broken(pack(t, query), right[:n]); len(found) == 0 {
			t.Errorf("the first %d of %d bytes are taken for an answer", n, len(right))
		}
	}
	found := j.broken(pack(t, query), append(slices.Clone(right), 0))
	if expected := "ns1.tw. A, up to 1232 bytes: 1 bytes follow the last record"; found[ruleMessage] != expected {
		t.Errorf("found %v, expected %q", found, expected)
	}
	// A pointer to itself, and one forwards.
	for _, target := range []byte{24, 26} {
		loop := slices.Clone(right)
		loop[24], loop[25] = 0xC0, target
		if found := j.broken(pack(t, query), loop); found[ruleMessage] != "ns1.tw. A, up to 1232 bytes: answer section: a name is broken" {
			t.Errorf("pointer to %d: found %v", target, found)
		}
	}
}

func TestRulesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for r := range rules {
		if !strings.Contains(string(doc), "\n//\t"+r.String()+" ") {
			t.Errorf("doc.go doesn't say what the rule %q is", r)
		}
	}
}

func TestSignatures(t *testing.T) {
	z := testzone.Zone{Origin: "tw.", Signing: testzone.NSEC3, Records: testzone.MustParse("tw.", "@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\n*.w A 192.0.2.2\n")}
	z = signZone(t, z)
	query := ask("a.tw.", dns.TypeA, true)
	right := reply(t, query, "AA\n"+lines(z, "a.tw.", dns.TypeA))
	j := newJudge(serve(t, z), false)
	for offset, expected := range map[time.Duration]string{
		0:                     "",
		-365 * 24 * time.Hour: "it holds from",
		365 * 24 * time.Hour:  "it holds from",
	} {
		j.check(pack(t, query), right, time.Now().Add(offset))
		if expected == "" && len(j.problems) > 0 || expected != "" && (len(j.problems) != 1 || j.problems[0].rule != ruleSignature || !strings.Contains(j.problems[0].text, expected)) {
			t.Errorf("after %v: %v, expected %q", offset, j.problems, expected)
		}
	}
	// The zone itself is damaged: the server's answer is what its file says, and of no use.
	for _, rr := range z.Records {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.Hdr.Name == "a.tw." {
			sig.OrigTtl++
		}
	}
	j = newJudge(serve(t, z), false)
	found := expressed(t, j, query, reply(t, query, "AA\n"+lines(z, "a.tw.", dns.TypeA)))
	if len(found) != 1 || !strings.HasPrefix(found[0], "signature: a.tw. A, DO, up to 1232 bytes: the signature of a.tw. A is not valid: by key") {
		t.Errorf("found %q", found)
	}
	// A wildcard's signature holds for the names that it stands in for.
	query = ask("x.w.tw.", dns.TypeA, true)
	text := strings.ReplaceAll(lines(z, "*.w.tw.", dns.TypeA), "*.w", "x.w") + "authority:\n" + chain(z, "x.w.tw.")
	if found := expressed(t, j, query, reply(t, query, "AA\n"+text)); len(found) > 0 {
		t.Errorf("wildcard: found %q", found)
	}
}
