package reference

import (
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/miekg/dns"
)

// Options are what a server's operator chooses; they mean what the fields of
// the same names mean in query.Options.
type Options struct {
	MaxUDPBytes int    // the most a UDP answer may have, and the size told to clients; 0 means 1232
	Identity    string // id.server, hostname.bind and NSID; "" is off
	Version     string // version.bind and version.server; "" is off
	// Overlay are zones, by origin, that go before all others. They are not signed,
	// have no wildcards, cuts or aliases, and no version.
	Overlay map[string][]dns.RR
}

// Engine answers queries from a fixed set of zones. It is safe for concurrent
// use.
type Engine struct {
	zones   map[name]*zone
	overlay map[name]*zone
	options Options
}

// New makes an engine of zones by their origins. Each zone must be one that
// could be served: an SOA and NS at the apex, nothing outside of it.
func New(zones map[string][]dns.RR, options Options) *Engine {
	if options.MaxUDPBytes == 0 {
		options.MaxUDPBytes = 1232
	}
	return &Engine{zones: zonesByApex(zones), overlay: zonesByApex(options.Overlay), options: options}
}

func zonesByApex(content map[string][]dns.RR) map[name]*zone {
	zones := map[name]*zone{}
	for origin, records := range content {
		zones[parseName(origin)] = newZone(origin, records)
	}
	return zones
}

// Request is a message, and how it came.
type Request struct {
	Wire      []byte
	Transport Transport
	// KeepaliveUnits is the connection's idle time-out, in units of 100 ms, that
	// clients are told when they ask; 0 tells none.
	KeepaliveUnits uint16
}

// Transport is what a message came by.
type Transport int

// The transports.
const (
	UDP Transport = iota
	TCP
	DoT // DNS over TLS
	DoH // DNS over HTTPS
	DoQ // DNS over QUIC
)

// Response is an answer before it is cut to a size, and without padding.
type Response struct {
	Msg *dns.Msg
	// Required is how many records at the start of Msg.Extra may not be left out
	// to save space. An OPT or TSIG record, never left out, comes last.
	Required int
	// UDPBytes is the most the response may have over UDP.
	UDPBytes int
	// Padded says that the response must be padded; see [Response.Unpad].
	Padded bool
	// Origin is the apex of the zone that the answer is from, "" without one.
	Origin string
}

// Answer returns the response to a message, as a stream would carry it, or nil
// when the message is to be dropped.
func (e *Engine) Answer(request Request) *Response {
	wire := request.Wire
	if len(wire) < headerBytes || wire[2]&0x80 != 0 {
		return nil // never answer a response, nor what isn't even a header
	}
	r := &Response{Msg: &dns.Msg{}, UDPBytes: dns.MinMsgSize}
	m := r.Msg
	m.Id = binary.BigEndian.Uint16(wire)
	m.Response = true
	m.Opcode = int(wire[2] >> 3 & 15)
	m.RecursionDesired = wire[2]&1 != 0
	if m.Opcode != dns.OpcodeQuery {
		m.Rcode = dns.RcodeNotImplemented
		return r
	}

	q, err := readQuery(wire)
	// RFC 7828 speaks of TCP, and TLS is over TCP: a client's option is empty there
	// (§3.2.1). Elsewhere whatever it holds is ignored (§3.3.1).
	keepalive := q.opt.has(dns.EDNS0TCPKEEPALIVE) && (request.Transport == TCP || request.Transport == DoT)
	if keepalive && err == nil && q.opt.version == 0 && q.opt.hasData(dns.EDNS0TCPKEEPALIVE) {
		err = errFormat
	}
	if err == errQuestion {
		m.Rcode = dns.RcodeFormatError
		return r
	}
	m.Question = []dns.Question{{Name: presentation(q.question[:len(q.question)-4]), Qtype: q.qtype, Qclass: q.qclass}}
	var opt *dns.OPT
	if q.opt != nil {
		// RFC 6891 §6.2.3: sizes below 512 mean 512.
		r.UDPBytes = min(max(q.opt.udpBytes, dns.MinMsgSize), e.options.MaxUDPBytes)
		opt = &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
		opt.SetUDPSize(uint16(e.options.MaxUDPBytes))
		opt.SetDo(q.opt.do) // RFC 3225 §3
		e.addNSID(q, opt)
		if keepalive && request.KeepaliveUnits > 0 { // RFC 7828 §3.3.2
			opt.Option = append(opt.Option, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE, Timeout: request.KeepaliveUnits})
		}
		// RFC 7830 §4, §6: what was asked for with padding, and is encrypted.
		r.Padded = q.opt.has(dns.EDNS0PADDING) && request.Transport >= DoT
	}
	switch {
	case err != nil:
		m.Rcode = dns.RcodeFormatError
	case q.opt != nil && q.opt.version > 0:
		m.Rcode = dns.RcodeBadVers // RFC 6891 §6.1.3
	case q.tsig != nil:
		m.Rcode = dns.RcodeNotAuth
	case q.qclass == dns.ClassCHAOS:
		e.chaos(q, m)
	case q.qclass != dns.ClassINET:
		m.Rcode = dns.RcodeRefused
	default:
		e.internet(q, r, opt)
	}
	if opt != nil {
		m.Extra = append(m.Extra, opt)
	}
	if err == nil && m.Rcode == dns.RcodeNotAuth {
		m.Extra = append(m.Extra, badKey(q.tsig))
	}
	return r
}

// internet answers from the zones.
func (e *Engine) internet(q *query, r *Response, opt *dns.OPT) {
	m := r.Msg
	z, overlaid := e.chooseZone(q.qname, q.qtype)
	switch {
	case q.qtype == dns.TypeAXFR || q.qtype == dns.TypeIXFR:
		m.Rcode = dns.RcodeRefused
		addEDE(opt, dns.ExtendedErrorCodeProhibited)
		return
	case q.qtype == dns.TypeNXNAME:
		// RFC 9824 §3.5: it stands in NSEC records that somebody else makes, and for
		// nothing that could be asked for.
		m.Rcode = dns.RcodeFormatError
		addEDE(opt, dns.ExtendedErrorCodeInvalidQueryType)
		return
	case z == nil:
		m.Rcode = dns.RcodeRefused
		addEDE(opt, dns.ExtendedErrorCodeNotAuthoritative)
		return
	}
	if q.opt.has(dns.EDNS0ZONEVERSION) && !overlaid {
		// RFC 9660 §2: the apex' label count, the type SOA-SERIAL, the serial.
		version := []byte{byte(len(z.apex.labels())), 0}
		version = binary.BigEndian.AppendUint32(version, z.soa().Serial)
		opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: dns.EDNS0ZONEVERSION, Data: version})
	}
	r.Origin = z.apex.String()
	a := newAnswer(z, q)
	if !overlaid {
		a.elsewhere = func(n name) bool { return enclosing(e.overlay, n) != nil }
	}
	a.follow(q.qname)
	m.Rcode = a.rcode
	m.Authoritative = a.authoritative
	m.Answer = a.answer
	m.Ns = a.authority()
	m.Extra = append(a.requiredGlue, a.optional...)
	r.Required = len(a.requiredGlue)
}

// chooseZone finds the zone to answer from: the nearest enclosing one (RFC 1034
// §4.3.2 step 2), but DS of its apex is in the parent's data (RFC 4035
// §3.1.4.1), if we have it. Zones of the overlay go first.
func (e *Engine) chooseZone(qname name, qtype uint16) (z *zone, overlaid bool) {
	nearest := enclosing(e.zones, qname)
	if z := enclosing(e.overlay, qname); z != nil && (qtype != dns.TypeDS || qname != z.apex || nearest == nil) {
		return z, true
	}
	if nearest != nil && qtype == dns.TypeDS && qname == nearest.apex && qname != root {
		if parent := enclosing(e.zones, qname.parent()); parent != nil {
			return parent, false
		}
	}
	return nearest, false
}

func enclosing(zones map[name]*zone, n name) *zone {
	for {
		if z := zones[n]; z != nil {
			return z
		}
		if n == root {
			return nil
		}
		n = n.parent()
	}
}

// chaos answers what the server says about itself (RFC 4892 §2).
func (e *Engine) chaos(q *query, m *dns.Msg) {
	text := ""
	switch q.qname {
	case parseName("version.bind."), parseName("version.server."):
		text = e.options.Version
	case parseName("id.server."), parseName("hostname.bind."):
		text = e.options.Identity
	}
	if text == "" || q.qtype != dns.TypeTXT {
		m.Rcode = dns.RcodeRefused
		return
	}
	m.Authoritative = true
	m.Answer = []dns.RR{&dns.TXT{
		Hdr: dns.RR_Header{Name: q.qname.String(), Rrtype: dns.TypeTXT, Class: dns.ClassCHAOS},
		Txt: []string{strings.ReplaceAll(text, `\`, `\\`)},
	}}
}

// addNSID adds the server's identity when it was asked for (RFC 5001 §2.1,
// which has the server ignore what data came with the question).
func (e *Engine) addNSID(q *query, opt *dns.OPT) {
	if q.opt.has(dns.EDNS0NSID) && e.options.Identity != "" {
		opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: hex.EncodeToString([]byte(e.options.Identity))})
	}
}

// addEDE says more about the RCODE (RFC 8914), if the client has EDNS.
func addEDE(opt *dns.OPT, code uint16) {
	if opt != nil {
		opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: code})
	}
}

// badKey is the TSIG record of the answer to a query signed with a key that is
// not known, as none is: unsigned, and what isn't about the error is copied
// (RFC 8945 §5.2.1, §5.3.2).
func badKey(asked *dns.TSIG) *dns.TSIG {
	return &dns.TSIG{
		Hdr:        dns.RR_Header{Name: asked.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm:  asked.Algorithm,
		TimeSigned: asked.TimeSigned,
		Fudge:      asked.Fudge,
		OrigId:     asked.OrigId,
		Error:      dns.RcodeBadKey,
	}
}
