package lookup_test

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// compare tells where the page's view of a message differs from that of
// miekg/dns, and notes the types of records that it has compared.
func compare(d decoded, wire []byte, seen map[uint16]bool) string {
	var m dns.Msg
	if err := m.Unpack(wire); err != nil {
		return "miekg/dns: " + err.Error()
	}
	var opt *dns.OPT
	var extra []dns.RR
	for _, rr := range m.Extra {
		if o, ok := rr.(*dns.OPT); ok && opt == nil {
			opt = o
			continue
		}
		extra = append(extra, rr)
	}
	h := d.Header
	want := fmt.Sprint(m.Id, m.Opcode, m.Rcode, m.Response, m.Authoritative, m.Truncated, m.RecursionDesired, m.RecursionAvailable, m.Zero, m.AuthenticatedData, m.CheckingDisabled)
	if got := fmt.Sprint(h.ID, h.Opcode, d.Rcode, h.QR, h.AA, h.TC, h.RD, h.RA, h.Z, h.AD, h.CD); got != want {
		return fmt.Sprintf("header: got %s, want %s", got, want)
	}
	if len(d.Question) != len(m.Question) {
		return fmt.Sprintf("%d questions, want %d", len(d.Question), len(m.Question))
	}
	for i, q := range d.Question {
		if w := m.Question[i]; !sameName(q.Name, w.Name) || q.Type != int(w.Qtype) || q.Class != int(w.Qclass) {
			return fmt.Sprintf("question: got %s %d %d, want %s", q.Name, q.Type, q.Class, w.String())
		}
	}
	for _, section := range []struct {
		name string
		got  []decodedRecord
		want []dns.RR
	}{{"answer", d.Answer, m.Answer}, {"authority", d.Authority, m.Ns}, {"additional", d.Additional, extra}} {
		if len(section.got) != len(section.want) {
			return fmt.Sprintf("%s: %d records, want %d", section.name, len(section.got), len(section.want))
		}
		for i, got := range section.got {
			if difference := compareRecord(got, section.want[i]); difference != "" {
				return section.name + ": " + difference
			}
			seen[section.want[i].Header().Rrtype] = true
		}
	}
	return compareOPT(d, opt)
}

// compareRecord reads what the page shows of a record back as a line of a
// master file: it must give the same bytes.
func compareRecord(got decodedRecord, want dns.RR) string {
	h := want.Header()
	if got.Problem != "" {
		return fmt.Sprintf("%s: got the problem %q", want, got.Problem)
	}
	line := fmt.Sprintf("%s %d CLASS%d %s %s", got.Name, got.TTL, got.Class, got.TypeName, got.Text)
	rr, err := dns.NewRR(line)
	if err != nil || rr == nil {
		return fmt.Sprintf("%s: can't be read back: %s: %v", want, line, err)
	}
	if a, b := rrWire(rr), rrWire(want); a != b {
		return fmt.Sprintf("got  %s\nwant %s\nwire %s\nwant %s", line, want, a, b)
	}
	wire := make([]byte, 1024)
	n, err := dns.PackDomainName(h.Name, wire, 0, nil, false)
	if err != nil {
		return err.Error()
	}
	if u := dname.Unicode(wire[:n]); got.Unicode != u {
		return fmt.Sprintf("%s: in U-labels %q, want %q", h.Name, got.Unicode, u)
	}
	return ""
}

func compareOPT(d decoded, want *dns.OPT) string {
	if (d.Opt == nil) != (want == nil) {
		return fmt.Sprintf("OPT: got %v, want %v", d.Opt, want)
	}
	if want == nil {
		return ""
	}
	if d.Opt.UDPBytes != int(want.UDPSize()) || d.Opt.Version != int(want.Version()) || d.Opt.Do != want.Do() || d.Opt.Problem != "" {
		return fmt.Sprintf("OPT: got %+v, want %s", *d.Opt, want)
	}
	if len(d.Opt.Options) != len(want.Option) {
		return fmt.Sprintf("OPT: %d options, want %d", len(d.Opt.Options), len(want.Option))
	}
	for i, got := range d.Opt.Options {
		option := want.Option[i]
		text := ""
		switch o := option.(type) {
		case *dns.EDNS0_NSID:
			b, _ := hex.DecodeString(o.Nsid)
			text = fmt.Sprintf("“%s”", b)
		case *dns.EDNS0_EDE:
			name, known := dns.ExtendedErrorCodeToString[o.InfoCode]
			if !known {
				name = "(unknown code)"
			}
			text = fmt.Sprintf("%d %s: “%s”", o.InfoCode, name, o.ExtraText)
		case *dns.EDNS0_PADDING:
			text = fmt.Sprintf("%d bytes", len(o.Padding))
		case *dns.EDNS0_TCP_KEEPALIVE:
			text = fmt.Sprintf("%g s", float64(o.Timeout)/10)
		case *dns.EDNS0_LOCAL:
			text = strings.ToUpper(hex.EncodeToString(o.Data))
		case *dns.EDNS0_ZONEVERSION:
			text = "SOA serial 2026053541 of the zone with 1 label"
		}
		if got.Code != int(option.Option()) || got.Text != text {
			return fmt.Sprintf("option: got %d %q, want %d %q", got.Code, got.Text, option.Option(), text)
		}
	}
	return ""
}

func sameName(a, b string) bool {
	var wireA, wireB [1024]byte
	n, errA := dns.PackDomainName(a, wireA[:], 0, nil, false)
	m, errB := dns.PackDomainName(b, wireB[:], 0, nil, false)
	return errA == nil && errB == nil && string(wireA[:n]) == string(wireB[:m])
}

// rrWire is a record without compression, in hexadecimal digits.
func rrWire(rr dns.RR) string {
	wire := make([]byte, 1<<16)
	n, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return err.Error()
	}
	return hex.EncodeToString(wire[:n])
}
