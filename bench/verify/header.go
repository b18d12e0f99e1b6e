package verify

import "bytes"

// header judges all but the records, and tells whether these shall be judged as well.
func (j *judge) header() bool {
	m, q := &j.m, &j.q
	if m.flags&flagQR == 0 || m.flags>>11&0xF != 0 {
		j.wrong(ruleHeader, "QR %d and opcode %d, expected 1 and 0", m.flags>>15, m.flags>>11&0xF)
		return false
	}
	if m.flags&flagZ != 0 {
		j.wrong(ruleHeader, "the reserved bit is set")
	}
	if rd := m.flags&flagRD != 0; rd != q.rd {
		j.wrong(ruleHeader, "RD is %s, expected %s as in the query", bit(rd), bit(q.rd))
	}
	switch {
	case m.questions != 1:
		j.wrong(ruleQuestion, "%d questions, expected 1", m.questions)
	case !bytes.Equal(m.name, q.name) || m.qtype != q.qtype || m.qclass != classIN:
		j.wrong(ruleQuestion, "the question is %s %s in class %d", name(m.name), typeName(m.qtype), m.qclass)
	}
	if !j.stream && len(m.wire) > q.limit {
		j.wrong(ruleSize, "%d bytes by UDP, expected %d at most", len(m.wire), q.limit)
	}
	j.edns()
	rcode := j.rcode()
	switch {
	case q.badVer:
		if rcode != badVers {
			j.wrong(ruleRcode, "%s, expected BADVERS", rcodeName(rcode))
		}
		return false
	case rcode == badCookie && q.cookie:
		return false // RFC 7873 §5.2.3: the client shall ask again with the server's cookie
	}
	return true
}

func bit(set bool) string {
	if set {
		return "set"
	}
	return "clear"
}

// rcode is that of the header with the high bits of OPT (RFC 6891 §6.1.3).
func (j *judge) rcode() int {
	rcode := int(j.m.flags & 0xF)
	if j.m.opts > 0 {
		rcode |= int(j.m.opt.extended) << 4
	}
	return rcode
}

func (j *judge) edns() {
	opt := &j.m.opt
	switch {
	case j.m.opts > 1:
		j.wrong(ruleEDNS, "%d OPT records, expected 1", j.m.opts)
	case j.m.opts == 0:
		if j.q.edns {
			j.wrong(ruleEDNS, "no OPT record, expected one as in the query")
		}
	case !j.q.edns:
		j.wrong(ruleEDNS, "an OPT record that the query didn't ask for")
	case !opt.root || opt.section != additional:
		j.wrong(ruleEDNS, "the OPT record is not the root's, or not in the additional section")
	case opt.version != 0:
		j.wrong(ruleEDNS, "EDNS version %d, expected 0", opt.version)
	case opt.reserved&^j.q.flags != 0: // RFC 9824 §5.1 has one of them copied
		j.wrong(ruleEDNS, "the EDNS flags are %#04x, expected none that the query doesn't have", opt.reserved)
	case opt.do != j.q.do && !j.q.badVer:
		j.wrong(ruleEDNS, "DO is %s, expected %s as in the query", bit(opt.do), bit(j.q.do))
	}
}

// expectRcode judges the RCODE: what a name has, or hasn't, decides about it.
func (j *judge) expectRcode(expected int, owner []byte, why string) {
	found := j.rcode()
	if found == expected || j.truncated && found == noError && expected == nxDomain {
		return // some servers truncate before they know
	}
	j.wrong(ruleRcode, "%s, expected %s: %s %s", rcodeName(found), rcodeName(expected), name(owner), why)
}

func (j *judge) expectAA(expected bool, why string) {
	if found := j.m.flags&flagAA != 0; found != expected {
		j.wrong(ruleAA, "AA is %s, expected %s: %s", bit(found), bit(expected), why)
	}
}
