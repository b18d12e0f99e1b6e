package verify

import (
	"encoding/binary"
	"fmt"
	"strings"

	"yushan/zone/dname"
)

// question is a query, as far as its answer depends on it.
type question struct {
	name   []byte // in lower case
	qtype  uint16
	rd     bool
	edns   bool
	do     bool
	flags  uint16 // of EDNS, behind DO
	badVer bool   // its EDNS version isn't 0
	cookie bool
	limit  int // the largest datagram that the client takes
}

// read takes a query apart, and tells whether its answer can be judged.
func (q *question) read(m *message, wire []byte) bool {
	if m.read(wire) != nil || m.flags>>11 != 0 || m.questions != 1 || m.qclass != classIN || len(m.sets) > 0 || m.opts > 1 {
		return false
	}
	if !isData(m.qtype) && m.qtype != typeANY {
		return false
	}
	*q = question{name: append(q.name[:0], m.name...), qtype: m.qtype, rd: m.flags&flagRD != 0, limit: 512}
	if m.opts == 0 {
		return true
	}
	if !m.opt.root || m.opt.section != additional {
		return false
	}
	q.edns, q.do, q.badVer = true, m.opt.do, m.opt.version != 0
	q.flags = m.opt.reserved
	q.limit = max(512, int(m.opt.size))
	for rest := m.opt.options; len(rest) > 0; rest = rest[4+int(binary.BigEndian.Uint16(rest[2:])):] {
		if binary.BigEndian.Uint16(rest) == optionCookie {
			q.cookie = true
		}
	}
	return true
}

const optionCookie = 10 // RFC 7873

// String shows the question to people.
func (q *question) show(stream bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", dname.Display(q.name), typeName(q.qtype))
	switch {
	case !q.edns:
		b.WriteString(", no EDNS")
	case q.do:
		b.WriteString(", DO")
	}
	if !stream && q.edns {
		fmt.Fprintf(&b, ", up to %d bytes", q.limit)
	}
	return b.String()
}
