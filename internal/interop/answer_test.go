package interop

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

// answer is a response in the form in which servers are compared: sections are
// sets, owner names are lower case, and of EDNS only what decides about an
// answer is kept.
type answer struct {
	bytes   int      // length of the message
	message *dns.Msg // as it came; rules leave it alone
	dropped bool
	broken  string // why it can't be read; nothing below counts then
	opcode  int
	rcode   int // with the upper bits of the OPT record
	flags   map[string]bool
	// questions are compared byte for byte: the case of the question is kept.
	questions                     []string
	answer, authority, additional []dns.RR // without OPT
	edns, do                      bool
	version                       uint8
	extended                      []string // EDNS options, RFC 8914 errors left out
}

func readAnswers(replies []peer.Reply) []*answer {
	answers := make([]*answer, len(replies))
	for i, r := range replies {
		answers[i] = readAnswer(r)
	}
	return answers
}

func readAnswer(r peer.Reply) *answer {
	switch {
	case r.Err != nil:
		return &answer{broken: r.Err.Error()}
	case r.Wire == nil:
		return &answer{dropped: true}
	}
	m := new(dns.Msg)
	if err := m.Unpack(r.Wire); err != nil {
		return &answer{broken: fmt.Sprintf("%v in %x", err, r.Wire)}
	}
	a := &answer{bytes: len(r.Wire), message: m, opcode: m.Opcode, rcode: m.Rcode, answer: m.Answer, authority: m.Ns, flags: map[string]bool{
		"QR": m.Response, "AA": m.Authoritative, "TC": m.Truncated, "RD": m.RecursionDesired,
		"RA": m.RecursionAvailable, "Z": m.Zero, "AD": m.AuthenticatedData, "CD": m.CheckingDisabled,
	}}
	for _, q := range m.Question {
		a.questions = append(a.questions, fmt.Sprintf("%s %s %s", q.Name, dns.Class(q.Qclass), dns.Type(q.Qtype)))
	}
	for _, rr := range m.Extra {
		if tsig, ok := rr.(*dns.TSIG); ok {
			tsig.OrigId = 0 // each query's own
		}
		if opt, ok := rr.(*dns.OPT); ok {
			a.edns, a.do, a.version = true, opt.Do(), opt.Version()
			for _, o := range opt.Option {
				if o.Option() != dns.EDNS0EDE {
					a.extended = append(a.extended, fmt.Sprintf("option %d: %s", o.Option(), o))
				}
			}
			continue
		}
		a.additional = append(a.additional, rr)
	}
	return a
}

func (a *answer) clone() *answer {
	c := *a
	c.flags = map[string]bool{}
	for k, v := range a.flags {
		c.flags[k] = v
	}
	c.questions, c.extended = slices.Clone(a.questions), slices.Clone(a.extended)
	c.answer, c.authority, c.additional = slices.Clone(a.answer), slices.Clone(a.authority), slices.Clone(a.additional)
	return &c
}

// lines are the parts of the answer, one on each line, in a fixed order.
func (a *answer) lines() []string {
	switch {
	case a.dropped:
		return []string{"no answer"}
	case a.broken != "":
		return []string{"broken: " + a.broken}
	}
	lines := []string{"rcode: " + dns.RcodeToString[a.rcode], fmt.Sprintf("opcode: %d", a.opcode)}
	for _, flag := range []string{"QR", "AA", "TC", "RD", "RA", "Z", "AD", "CD"} {
		if a.flags[flag] {
			lines = append(lines, "flag: "+flag)
		}
	}
	if a.edns {
		lines = append(lines, fmt.Sprintf("EDNS: version %d", a.version))
	}
	if a.do {
		lines = append(lines, "EDNS: DO")
	}
	for _, o := range a.extended {
		lines = append(lines, "EDNS: "+o)
	}
	for _, q := range a.questions {
		lines = append(lines, "question: "+q)
	}
	for _, s := range []struct {
		name string
		rrs  []dns.RR
	}{{"answer", a.answer}, {"authority", a.authority}, {"additional", a.additional}} {
		var texts []string
		for _, rr := range s.rrs {
			texts = append(texts, s.name+": "+text(rr))
		}
		slices.Sort(texts)
		lines = append(lines, texts...)
	}
	return lines
}

// text is a record with what may differ in case made small: its owner, and the
// names in it.
func text(rr dns.RR) string {
	header := rr.Header()
	rdata := strings.TrimPrefix(rr.String(), header.String())
	switch rr := rr.(type) {
	case *dns.RRSIG: // the signer's name is the only one
		rdata = strings.Replace(rdata, " "+rr.SignerName+" ", " "+dns.CanonicalName(rr.SignerName)+" ", 1)
	case *dns.TXT, *dns.HINFO, *dns.CAA, *dns.URI, *dns.NAPTR, *dns.DNSKEY:
	default:
		rdata = strings.ToLower(rdata)
	}
	return fmt.Sprintf("%s %d %s %s", dns.CanonicalName(header.Name), header.Ttl, dns.Type(header.Rrtype), rdata)
}

// diff returns the lines that only one of the answers has; ours have "-".
func diff(ours, theirs *answer) (lines []string) {
	a, b := ours.lines(), theirs.lines()
	left := map[string]int{}
	for _, l := range b {
		left[l]++
	}
	for _, l := range a {
		if left[l] > 0 {
			left[l]--
			continue
		}
		lines = append(lines, "- "+l)
	}
	for _, l := range b {
		if left[l] > 0 {
			left[l]--
			lines = append(lines, "+ "+l)
		}
	}
	return lines
}
