package overlay

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// fudgeSeconds is how far the clocks of two nodes may differ (RFC 8945 §10).
const fudgeSeconds = 300

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
// overlap wire. It returns the length of the response; 0 if there is none to send.
//
// TXT records at or below an apex may be added and deleted, nothing else.
// The TTL is always [TTLSeconds], whatever the update says. An update without
// a valid signature by one of the keys changes nothing.
func (o *Overlay) Update(wire, dst []byte) int {
	if len(wire) < headerBytes || wire[2]&0x80 != 0 {
		return 0
	}
	var reply response
	reply.MsgHdr = dns.MsgHdr{Id: binary.BigEndian.Uint16(wire), Response: true, Opcode: int(wire[2] >> 3 & 0xf)}
	var seen outline
	if !seen.read(wire) || reply.Opcode != dns.OpcodeUpdate {
		reply.Rcode = dns.RcodeFormatError
		return reply.pack(dst)
	}
	reply.Question = []dns.Question{{Name: dname.String(seen.zone), Qtype: seen.qtype, Qclass: seen.class}}
	if seen.options {
		reply.SetEdns0(1232, false)
	}
	switch {
	case seen.version != 0:
		reply.Rcode = dns.RcodeBadVers
	case seen.qtype != dns.TypeSOA || seen.class != dns.ClassINET: // RFC 2136 §3.1.1
		reply.Rcode = dns.RcodeFormatError
	case !seen.signed:
		reply.Rcode = dns.RcodeRefused
	case !reply.verify(o, wire, seen.last):
	default:
		reply.Rcode = o.carryOut(wire)
	}
	return reply.pack(dst)
}

// carryOut does what an update that is signed asks for, and returns its RCODE.
func (o *Overlay) carryOut(wire []byte) (rcode int) {
	m := new(dns.Msg)
	if err := m.Unpack(wire); err != nil {
		return dns.RcodeFormatError
	}
	return o.apply(m)
}

// response is what an update is answered with.
type response struct {
	dns.Msg
	request *dns.TSIG // of the update; nil: the response has none either
	key     *Key      // signs it; nil: not signed
	failure uint16    // the error field of the TSIG record (RFC 8945 §3)
}

// verify checks the signature of an update, the TSIG record at position at, in
// the order of RFC 8945 §5.2: key, MAC, time. If it returns false, r says why.
func (r *response) verify(o *Overlay, wire []byte, at int) bool {
	rr, _, err := dns.UnpackRR(wire, at)
	signature, ok := rr.(*dns.TSIG)
	// RFC 8945 §4.2. The library reads a record without RDATA, too.
	if err != nil || !ok || signature.Hdr.Class != dns.ClassANY || signature.Hdr.Ttl != 0 || signature.Algorithm == "" {
		r.Rcode = dns.RcodeFormatError
		return false
	}
	key, there := o.keys[dns.CanonicalName(signature.Hdr.Name)]
	if !there || key.Algorithm != dns.CanonicalName(signature.Algorithm) {
		r.request, r.Rcode, r.failure = signature, dns.RcodeNotAuth, dns.RcodeBadKey
		return false
	}
	if size := algorithms[key.Algorithm]; int(signature.MACSize) > size || int(signature.MACSize) < max(10, size/2) {
		r.Rcode = dns.RcodeFormatError // RFC 8945 §5.2.2.1
		return false
	}
	r.request = signature
	// The library writes into what it verifies. A MAC that is cut short is a wrong one to it.
	switch err := dns.TsigVerify(slices.Clone(wire), key.Secret, "", false); {
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
func (r *response) pack(dst []byte) int {
	var wire []byte
	var err error
	if r.request == nil {
		wire, err = r.Pack()
	} else {
		wire, err = r.sign()
	}
	if err != nil || len(wire) > len(dst) { // the header alone has to do
		bare := dns.Msg{MsgHdr: r.MsgHdr}
		bare.Truncated = err == nil
		if bare.Rcode > 0xf || err != nil {
			bare.Rcode = dns.RcodeServerFailure
		}
		if wire, err = bare.Pack(); err != nil {
			panic(fmt.Sprintf("overlay: a header cannot be packed: %v", err))
		}
	}
	return copy(dst, wire)
}

func (r *response) sign() ([]byte, error) {
	t := &dns.TSIG{
		Hdr:        dns.RR_Header{Name: r.request.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm:  r.request.Algorithm,
		TimeSigned: uint64(time.Now().Unix()),
		Fudge:      fudgeSeconds,
		OrigId:     r.Id,
		Error:      r.failure,
	}
	secret, requestMAC := "", ""
	if r.key != nil {
		secret, requestMAC = r.key.Secret, r.request.MAC
	}
	if r.failure == dns.RcodeBadTime { // RFC 8945 §5.2.3
		var now [8]byte
		binary.BigEndian.PutUint64(now[:], t.TimeSigned)
		t.TimeSigned = r.request.TimeSigned
		t.OtherData, t.OtherLen = hex.EncodeToString(now[2:]), 6
	}
	r.Extra = append(r.Extra, t)
	wire, _, err := dns.TsigGenerate(&r.Msg, secret, requestMAC, false)
	return wire, err
}
