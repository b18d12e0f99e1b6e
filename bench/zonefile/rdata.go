package zonefile

import (
	"encoding/binary"

	"yushan/zone/dname"
)

// Types that the package itself looks at.
const (
	typeNS    = 2
	typeSOA   = 6
	typeDNAME = 39
	typeRRSIG = 46
	typeNSEC3 = 50
)

// Layout says where names stand in the RDATA of a type: after Before bytes and Strings
// character-strings there are Names of them, and the rest is other data.
type Layout struct {
	Before, Strings, Names uint8
}

// LayoutOf returns the layout of a type whose names are compared without regard to
// case, and which a sender may have compressed: those of RFC 4034 §6.2, but for NSEC
// (RFC 6840 §5.1). For all others there are no names.
func LayoutOf(rrtype uint16) Layout {
	switch rrtype {
	case 2, 3, 4, 5, 7, 8, 9, 12, 30, 39: // NS MD MF CNAME MB MG MR PTR NXT DNAME
		return Layout{Names: 1}
	case 6, 14, 17: // SOA MINFO RP
		return Layout{Names: 2}
	case 15, 18, 21, 36: // MX AFSDB RT KX
		return Layout{Before: 2, Names: 1}
	case 26: // PX
		return Layout{Before: 2, Names: 2}
	case 33: // SRV
		return Layout{Before: 6, Names: 1}
	case 35: // NAPTR
		return Layout{Before: 4, Strings: 3, Names: 1}
	case 24, 46: // SIG RRSIG
		return Layout{Before: 18, Names: 1}
	}
	return Layout{}
}

// AppendCanonical appends RDATA, which has no compressed names, to dst with the names
// of its [Layout] in lower case. RDATA that is broken is appended as it is.
func AppendCanonical(dst []byte, rrtype uint16, rdata []byte) []byte {
	start := len(dst)
	dst = append(dst, rdata...)
	layout := LayoutOf(rrtype)
	if layout.Names == 0 {
		return dst
	}
	rest := dst[start:]
	if len(rest) < int(layout.Before) {
		return dst
	}
	rest = rest[layout.Before:]
	for range layout.Strings {
		if len(rest) == 0 || len(rest) <= int(rest[0]) {
			return dst
		}
		rest = rest[1+int(rest[0]):]
	}
	for range layout.Names {
		n, ok := dname.Check(rest)
		if !ok {
			return dst
		}
		dname.Lower(rest[:n])
		rest = rest[n:]
	}
	return dst
}

// covered is the type that an RRSIG record covers, or 0.
func covered(rdata []byte) uint16 {
	if len(rdata) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(rdata)
}
