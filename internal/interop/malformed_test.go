package interop

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

// malformed are packets that are not one plain question.
func malformed(origin string) (queries []query) {
	add := func(what string, wire []byte) {
		for _, tcp := range []bool{false, true} {
			queries = append(queries, query{Query: peer.Query{Wire: wire, TCP: tcp, MayDrop: true}, what: what, limit: 512})
		}
	}
	plain := func(change func(*dns.Msg)) []byte {
		m := new(dns.Msg).SetQuestion("www."+origin, dns.TypeA)
		m.RecursionDesired = false
		change(m)
		return mustPack(m)
	}
	good := plain(func(*dns.Msg) {})
	edit := func(change func([]byte) []byte) []byte { return change(slices.Clone(good)) }
	put := func(at int, b ...byte) []byte {
		return edit(func(w []byte) []byte { copy(w[at:], b); return w })
	}
	question := len(good)

	add("a packet of 2 bytes", good[:2])
	add("a packet of 11 bytes", good[:11])
	add("a header that promises a question", good[:12])
	add("half a question", good[:question-3])
	add("a response", put(2, 0x80))
	for opcode := 1; opcode < 16; opcode++ {
		add(fmt.Sprintf("opcode %d", opcode), put(2, byte(opcode<<3)))
	}
	add("no question", put(4, 0, 0)[:12])
	add("no question, but its bytes", put(4, 0, 0))
	add("two questions", append(put(4, 0, 2), good[12:]...))
	add("two questions announced", put(4, 0, 2))
	add("an answer record announced", put(6, 0, 1))
	add("an authority record announced", put(8, 0, 1))
	add("an additional record announced", put(10, 0, 1))
	add("bytes behind the question", append(slices.Clone(good), 1, 2, 3))
	add("a label type 01", put(12, 0x43))
	add("a label type 10", put(12, 0x83))
	add("a compression pointer to itself", edit(func(w []byte) []byte {
		return append(append(w[:12:12], 0xc0, 12), 0, 1, 0, 1)
	}))
	add("a name of 256 bytes", edit(func(w []byte) []byte {
		w = append(w[:12:12], strings.Repeat("\x01a", 127)+"\x01a\x00"...)
		return append(w, 0, 1, 0, 1)
	}))
	add("all header flags but QR", put(2, 0x07, 0xf0))
	add("an rcode in the query", put(3, 0x05))
	add("an answer record", plain(func(m *dns.Msg) { m.Answer = []dns.RR{mustRR("a. 0 A 192.0.2.1")} }))
	add("an authority record", plain(func(m *dns.Msg) { m.Ns = []dns.RR{mustRR("a. 0 A 192.0.2.1")} }))
	add("an additional record", plain(func(m *dns.Msg) { m.Extra = []dns.RR{mustRR("a. 0 A 192.0.2.1")} }))

	opt := func(change func(*dns.OPT)) []byte {
		return plain(func(m *dns.Msg) {
			m.SetEdns0(1232, true)
			change(m.IsEdns0())
		})
	}
	add("EDNS version 1", opt(func(o *dns.OPT) { o.SetVersion(1) }))
	add("EDNS version 255", opt(func(o *dns.OPT) { o.SetVersion(255) }))
	add("EDNS flags", opt(func(o *dns.OPT) { o.Hdr.Ttl |= 0x7fff }))
	add("two OPT records", plain(func(m *dns.Msg) {
		m.SetEdns0(1232, false)
		m.Extra = append(m.Extra, m.Extra[0])
	}))
	add("an OPT record of a.", opt(func(o *dns.OPT) { o.Hdr.Name = "a." }))
	add("an OPT record before another", opt(func(*dns.OPT) {}))
	add("an unknown option", opt(func(o *dns.OPT) { o.Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001, Data: []byte("abc")}} }))
	add("an option longer than the record", func() []byte {
		w := opt(func(o *dns.OPT) { o.Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001, Data: []byte("abc")}} })
		w[len(w)-4] = 9
		return w
	}())
	add("NSID asked for", opt(func(o *dns.OPT) { o.Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID}} }))
	add("a client subnet", opt(func(o *dns.OPT) {
		o.Option = []dns.EDNS0{&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: []byte{192, 0, 2, 0}}}
	}))
	add("a cookie", opt(func(o *dns.OPT) {
		o.Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"}}
	}))
	add("keepalive", opt(func(o *dns.OPT) { o.Option = []dns.EDNS0{&dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}} }))
	add("padding", opt(func(o *dns.OPT) { o.Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 20)}} }))
	add("TSIG by an unknown key", plain(func(m *dns.Msg) { m.SetTsig("key.", dns.HmacSHA256, 300, 1785542400) })) // not signed, so no MAC
	add("class CH", plain(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }))
	add("class ANY", plain(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY }))
	add("class NONE", plain(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassNONE }))
	add("class 0", plain(func(m *dns.Msg) { m.Question[0].Qclass = 0 }))
	for _, name := range []string{"version.bind.", "version.server.", "id.server.", "hostname.bind.", "authors.bind.", "nothing."} {
		for _, qtype := range []uint16{dns.TypeTXT, dns.TypeA} {
			add(fmt.Sprintf("%s CH %s", name, dns.Type(qtype)), plain(func(m *dns.Msg) {
				m.Question[0] = dns.Question{Name: name, Qtype: qtype, Qclass: dns.ClassCHAOS}
			}))
		}
	}
	for _, qtype := range []uint16{0, dns.TypeAXFR, dns.TypeIXFR, dns.TypeMAILA, dns.TypeMAILB, dns.TypeTKEY, dns.TypeTSIG, dns.TypeOPT, 128, 200} {
		add(fmt.Sprintf("type %d", qtype), plain(func(m *dns.Msg) { m.Question[0].Qtype = qtype }))
		add(fmt.Sprintf("type %d at the apex", qtype), plain(func(m *dns.Msg) { m.Question[0] = dns.Question{Name: origin, Qtype: qtype, Qclass: dns.ClassINET} }))
	}
	add("IXFR with a serial", plain(func(m *dns.Msg) { m.SetIxfr(origin, 1, "ns1."+origin, "hostmaster."+origin) }))
	add("a name of another zone", plain(func(m *dns.Msg) { m.Question[0].Name = "www.nowhere.test." }))
	add("a name of another zone with EDNS", opt(func(*dns.OPT) {}))
	add("the root", plain(func(m *dns.Msg) { m.Question[0] = dns.Question{Name: ".", Qtype: dns.TypeNS, Qclass: dns.ClassINET} }))
	return queries
}
