package reference

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Compare compares a response, as a stream would carry it, with the expected
// one. It returns "" when they say the same, else both differences in DNS's own
// notation: lines with "-" were expected, lines with "+" came. Meaningless
// differences are not seen: the order of records within an RRset, of proofs
// within the authority section and of EDNS options, case of owner names,
// compression, and the text that goes with an extended error.
func Compare(expected *Response, got []byte) string {
	if expected == nil {
		if len(got) == 0 {
			return ""
		}
		return "expected no answer at all, got:\n" + text(got)
	}
	packed, err := expected.pack()
	if err != nil {
		return "the reference engine's answer can't be packed: " + err.Error()
	}
	if len(got) == 0 {
		return "expected an answer, got none:\n" + text(packed)
	}
	want, err := lines(packed)
	if err != nil {
		return "the reference engine's answer can't be read: " + err.Error()
	}
	have, err := lines(got)
	if err != nil {
		return fmt.Sprintf("the answer can't be read: %v\n% x", err, got)
	}
	if d := diff(want, have); d == "" || len(got) < 1<<14 {
		return d
	}
	// Where compression pointers don't reach, a server may do without addresses
	// that need not be there.
	return diff(slices.DeleteFunc(want, func(line string) bool {
		return slices.Contains(expected.optionalLines(), line)
	}), have)
}

// optionalLines are the records of the additional section that may be left out.
func (r *Response) optionalLines() (out []string) {
	for _, rr := range r.Msg.Extra[r.Required:] {
		if !isPseudo(rr.Header().Rrtype) {
			out = append(out, recordText(rr))
		}
	}
	return out
}

func (r *Response) pack() ([]byte, error) {
	m := *r.Msg
	m.Compress = true
	return m.Pack()
}

// lines is a response in a form that can be compared line by line.
func lines(wire []byte) ([]string, error) {
	if len(wire) < headerBytes {
		return nil, fmt.Errorf("%d bytes are no message", len(wire))
	}
	var m dns.Msg
	if err := m.Unpack(wire); err != nil {
		return nil, err
	}
	if end := countedBytes(wire); end != len(wire) {
		return nil, fmt.Errorf("%d bytes, but the records end at %d", len(wire), end)
	}
	b := func(name string, set bool) string {
		if set {
			return " " + name
		}
		return ""
	}
	status := dns.RcodeToString[m.Rcode]
	out := []string{
		fmt.Sprintf(";; opcode %d, status %s, id %d", m.Opcode, status, m.Id),
		";; flags:" + b("qr", m.Response) + b("aa", m.Authoritative) + b("tc", m.Truncated) + b("rd", m.RecursionDesired) +
			b("ra", m.RecursionAvailable) + b("z", m.Zero) + b("ad", m.AuthenticatedData) + b("cd", m.CheckingDisabled),
	}
	if n := questionBytes(wire); n > 0 {
		// Byte for byte: the case of the name is the client's (0x20).
		out = append(out, fmt.Sprintf(";; question: %s (% x)", strings.TrimPrefix(m.Question[0].String(), ";"), wire[headerBytes:headerBytes+n]))
	}
	foldTargets(&m)
	out = append(out, ";; answer:")
	for _, group := range groups(m.Answer) {
		out = append(out, group...)
	}
	out = append(out, ";; authority:")
	authority := groups(m.Ns)
	if len(authority) > 0 {
		// The order of proofs means nothing, but NS or SOA come first.
		slices.SortFunc(authority[1:], slices.Compare)
	}
	for _, group := range authority {
		out = append(out, group...)
	}
	out = append(out, ";; additional:")
	var extra []dns.RR
	var pseudo []string
	for _, rr := range m.Extra {
		switch rr := rr.(type) {
		case *dns.OPT:
			pseudo = append(pseudo, optText(rr)...)
		case *dns.TSIG:
			pseudo = append(pseudo, strings.ToLower(rr.String()))
		default:
			extra = append(extra, rr)
		}
	}
	for _, group := range groups(extra) {
		out = append(out, group...)
	}
	return append(out, pseudo...), nil
}

// foldTargets lowers names in RDATA whose case a server can't keep: a name that
// is compressed takes the case of the name that its end is shared with.
func foldTargets(m *dns.Msg) {
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		switch rr := rr.(type) { // RFC 3597 §4: only types of RFC 1035 are compressed
		case *dns.CNAME:
			rr.Target = strings.ToLower(rr.Target)
		case *dns.NS:
			rr.Ns = strings.ToLower(rr.Ns)
		case *dns.MX:
			rr.Mx = strings.ToLower(rr.Mx)
		case *dns.PTR:
			rr.Ptr = strings.ToLower(rr.Ptr)
		case *dns.SOA:
			rr.Ns, rr.Mbox = strings.ToLower(rr.Ns), strings.ToLower(rr.Mbox)
		case *dns.MINFO:
			rr.Rmail, rr.Email = strings.ToLower(rr.Rmail), strings.ToLower(rr.Email)
		}
	}
}

func mustLines(wire []byte) []string {
	out, err := lines(wire)
	if err != nil {
		return []string{"unreadable: " + err.Error()}
	}
	return out
}

// groups are a section's RRsets, in the section's order, each sorted.
func groups(section []dns.RR) (sets [][]string) {
	last := ""
	for _, rr := range section {
		if set := setOf(rr); set != last {
			sets = append(sets, nil)
			last = set
		}
		sets[len(sets)-1] = append(sets[len(sets)-1], recordText(rr))
	}
	for _, set := range sets {
		slices.Sort(set)
	}
	return sets
}

// setOf names the RRset of a record; signatures are told apart by what they
// cover.
func setOf(rr dns.RR) string {
	h := rr.Header()
	set := fmt.Sprint(strings.ToLower(h.Name), " ", h.Class, " ", h.Rrtype)
	if signature, ok := rr.(*dns.RRSIG); ok {
		set += fmt.Sprint(" ", signature.TypeCovered)
	}
	return set
}

func recordText(rr dns.RR) string {
	rr = dns.Copy(rr)
	rr.Header().Name = strings.ToLower(rr.Header().Name)
	return strings.ReplaceAll(rr.String(), "\t", " ")
}

func optText(opt *dns.OPT) []string {
	out := []string{fmt.Sprintf("; EDNS: version %d, flags %04x, udp %d", opt.Version(), opt.Hdr.Ttl&0xFFFF, opt.UDPSize())}
	var options []string
	for _, o := range opt.Option {
		switch o := o.(type) {
		case *dns.EDNS0_EDE:
			options = append(options, fmt.Sprintf("; EDE %d (%s)", o.InfoCode, dns.ExtendedErrorCodeToString[o.InfoCode]))
		case *dns.EDNS0_NSID:
			options = append(options, "; NSID "+o.Nsid)
		default:
			options = append(options, fmt.Sprintf("; option %d: %s", o.Option(), o.String()))
		}
	}
	slices.Sort(options)
	return append(out, options...)
}

// text is a response as people read it.
func text(wire []byte) string {
	return "  " + strings.Join(mustLines(wire), "\n  ") + "\n"
}

// diff returns "" for equal lists, else all lines of both, those that only one
// has marked (by their longest common subsequence).
func diff(want, have []string) string {
	if slices.Equal(want, have) {
		return ""
	}
	common := make([][]int, len(want)+1)
	for i := range common {
		common[i] = make([]int, len(have)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(have) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if want[i] == have[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var out strings.Builder
	i, j := 0, 0
	for i < len(want) || j < len(have) {
		switch {
		case i < len(want) && j < len(have) && want[i] == have[j]:
			out.WriteString("  " + want[i] + "\n")
			i, j = i+1, j+1
		case j == len(have) || i < len(want) && common[i+1][j] >= common[i][j+1]:
			out.WriteString("- " + want[i] + "\n")
			i++
		default:
			out.WriteString("+ " + have[j] + "\n")
			j++
		}
	}
	return out.String()
}

// questionBytes is the length of a response's question section.
func questionBytes(wire []byte) int {
	if binary.BigEndian.Uint16(wire[qdcount:]) == 0 {
		return 0
	}
	n := wholeName(wire[headerBytes:])
	return min(n+4, len(wire)-headerBytes)
}

// records are the records of a response's three sections, up to one that can't
// be read.
func records(wire []byte) (answer, authority, additional []record) {
	rest := wire[headerBytes+questionBytes(wire):]
	read := func(countAt int) (section []record) {
		for range binary.BigEndian.Uint16(wire[countAt:]) {
			r, ok := nextRecord(wire, &rest)
			if !ok {
				break
			}
			section = append(section, r)
		}
		return section
	}
	return read(ancount), read(nscount), read(arcount)
}

func (r record) bytes() int { return len(r.owner) + 10 + len(r.rdata) }

// countedBytes is where the records end that a response's header counts.
func countedBytes(wire []byte) int {
	answer, authority, additional := records(wire)
	end := headerBytes + questionBytes(wire)
	for _, r := range slices.Concat(answer, authority, additional) {
		end = r.offset + r.bytes()
	}
	return end
}
