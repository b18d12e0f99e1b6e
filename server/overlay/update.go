package overlay

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

const (
	headerBytes = 12
	// fudgeSeconds is how far the clocks of two nodes may differ (RFC 8945 §10).
	fudgeSeconds = 300
)

// IsUpdate reports whether wire is an UPDATE (RFC 2136) of one of the zones here,
// for [Overlay.Update] to answer. It looks at no more than header and zone
// section, takes no memory, and is false if o is nil.
func (o *Overlay) IsUpdate(wire []byte) bool {
	if o == nil || len(wire) < headerBytes || wire[2]&0x80 != 0 || wire[2]>>3&0xf != dns.OpcodeUpdate ||
		binary.BigEndian.Uint16(wire[4:]) != 1 {
		return false
	}
	n, ok := dname.Check(wire[headerBytes:])
	if !ok {
		return false
	}
	var lower [dname.MaxWire]byte
	return o.zones[string(dname.AppendLower(lower[:0], wire[headerBytes:headerBytes+n]))] != nil
}

// Update carries out an UPDATE for which [Overlay.IsUpdate] is true, and writes
// the response into dst, which has room for 512 bytes at least and does not
// overlap wire. It returns the length of the response.
//
// TXT records at or below an apex may be added and deleted, nothing else.
// The TTL is always [TTLSeconds], whatever the update says. An update without
// a valid signature by one of the keys changes nothing.
func (o *Overlay) Update(wire, dst []byte) int {
	var reply response
	m, signature, rcode := parseUpdate(wire)
	if m == nil { // no more than the header can be trusted
		n := copy(dst[:headerBytes], wire[:4])
		clear(dst[n:headerBytes])
		dst[2] = dst[2]&0x78 | 0x80
		dst[3] = byte(rcode)
		return headerBytes
	}
	reply.to(m)
	switch {
	case rcode != dns.RcodeSuccess:
		reply.Rcode = rcode
	case signature == nil:
		reply.Rcode = dns.RcodeRefused
	case !reply.verify(o, wire, signature):
	default:
		reply.Rcode = o.apply(m)
	}
	return reply.pack(dst, signature)
}

// parseUpdate reads an update strictly: the library forgives what RFC 8945 §5.1
// and RFC 6891 §6.1.1 do not. m is nil if it could not be read at all. The TSIG
// record, if there is one, stays in m.
func parseUpdate(wire []byte) (m *dns.Msg, signature *dns.TSIG, rcode int) {
	m = new(dns.Msg)
	if err := m.Unpack(wire); err != nil {
		return nil, nil, dns.RcodeFormatError
	}
	for section, count := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		if int(binary.BigEndian.Uint16(wire[6+2*section:])) != len(count) {
			return nil, nil, dns.RcodeFormatError
		}
	}
	if end, ok := endOf(wire); !ok || end != len(wire) {
		return nil, nil, dns.RcodeFormatError
	}
	options := 0
	for i, rr := range m.Extra {
		switch rr := rr.(type) {
		case *dns.OPT:
			if options++; options > 1 || rr.Hdr.Name != "." {
				return m, nil, dns.RcodeFormatError
			}
			if rr.Version() != 0 {
				rcode = dns.RcodeBadVers
			}
		case *dns.TSIG:
			if i != len(m.Extra)-1 || rr.Hdr.Class != dns.ClassANY || rr.Hdr.Ttl != 0 {
				return m, nil, dns.RcodeFormatError
			}
			signature = rr
		}
	}
	if m.Question[0].Qtype != dns.TypeSOA || m.Question[0].Qclass != dns.ClassINET { // RFC 2136 §3.1.1
		return m, nil, dns.RcodeFormatError
	}
	return m, signature, rcode
}

// endOf returns where the last record of a message that was unpacked ends.
func endOf(wire []byte) (at int, ok bool) {
	n, ok := dname.Check(wire[headerBytes:])
	at = headerBytes + n + 4
	if !ok || at > len(wire) {
		return 0, false
	}
	for section := range 3 {
		for range binary.BigEndian.Uint16(wire[6+2*section:]) {
			for at < len(wire) && wire[at] != 0 && wire[at] < 0xc0 {
				at += 1 + int(wire[at])
			}
			if at >= len(wire) {
				return 0, false
			}
			if wire[at] >= 0xc0 {
				at++
			}
			if at += 1 + 10; at > len(wire) {
				return 0, false
			}
			at += int(binary.BigEndian.Uint16(wire[at-2:]))
		}
	}
	return at, at <= len(wire)
}

// response is what an update is answered with.
type response struct {
	dns.Msg
	key *Key // signs it; nil: not signed
	// failure is the error field of the TSIG record (RFC 8945 §3).
	failure uint16
}

// to makes r a response to m, without error.
func (r *response) to(m *dns.Msg) {
	r.MsgHdr = dns.MsgHdr{Id: m.Id, Response: true, Opcode: dns.OpcodeUpdate}
	r.Question = m.Question
	if m.IsEdns0() != nil {
		r.SetEdns0(1232, false)
	}
}

// verify checks the signature of an update in the order of RFC 8945 §5.2: key,
// MAC, time. If it returns false, r says why.
func (r *response) verify(o *Overlay, wire []byte, s *dns.TSIG) bool {
	key, there := o.keys[dns.CanonicalName(s.Hdr.Name)]
	size := algorithms[key.Algorithm]
	switch {
	case !there || key.Algorithm != dns.CanonicalName(s.Algorithm):
		r.Rcode, r.failure = dns.RcodeNotAuth, dns.RcodeBadKey
		return false
	case int(s.MACSize) > size || int(s.MACSize) < max(10, size/2): // RFC 8945 §5.2.2.1
		r.Rcode = dns.RcodeFormatError
		return false
	}
	// The library's work on the copy: it writes into what it verifies.
	switch err := dns.TsigVerify(append([]byte(nil), wire...), key.Secret, "", false); {
	case err == nil:
		r.key = &key
		return true
	case errors.Is(err, dns.ErrTime):
		r.Rcode, r.failure, r.key = dns.RcodeNotAuth, dns.RcodeBadTime, &key
	default:
		r.Rcode, r.failure = dns.RcodeNotAuth, dns.RcodeBadSig
	}
	return false
}

// pack writes the response, with the TSIG record that belongs to it
// (RFC 8945 §5.3), into dst.
func (r *response) pack(dst []byte, s *dns.TSIG) int {
	var wire []byte
	var err error
	switch {
	case s == nil || r.key == nil && r.failure == 0:
		wire, err = r.Pack()
	default:
		t := &dns.TSIG{
			Hdr:        dns.RR_Header{Name: s.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
			Algorithm:  s.Algorithm,
			TimeSigned: uint64(time.Now().Unix()),
			Fudge:      fudgeSeconds,
			OrigId:     r.Id,
			Error:      r.failure,
		}
		secret, requestMAC := "", ""
		if r.key != nil {
			secret, requestMAC = r.key.Secret, s.MAC
		}
		if r.failure == dns.RcodeBadTime { // RFC 8945 §5.2.3
			var now [8]byte
			binary.BigEndian.PutUint64(now[:], t.TimeSigned)
			t.TimeSigned = s.TimeSigned
			t.OtherData, t.OtherLen = hex.EncodeToString(now[2:]), 6
		}
		r.Extra = append(r.Extra, t)
		wire, _, err = dns.TsigGenerate(&r.Msg, secret, requestMAC, false)
	}
	if err != nil || len(wire) > len(dst) { // the RCODE alone has to do
		bare := dns.Msg{MsgHdr: r.MsgHdr}
		bare.Rcode &= 0xf
		bare.Truncated = err == nil
		if wire, err = bare.Pack(); err != nil {
			panic(fmt.Sprintf("overlay: a header cannot be packed: %v", err))
		}
	}
	return copy(dst, wire)
}
