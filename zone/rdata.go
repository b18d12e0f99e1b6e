package zone

import "yushan/zone/dname"

// RR types that the zone treats in a way of their own.
const (
	TypeA          uint16 = 1
	TypeNS         uint16 = 2
	TypeCNAME      uint16 = 5
	TypeSOA        uint16 = 6
	TypeTXT        uint16 = 16
	TypeAAAA       uint16 = 28
	TypeDNAME      uint16 = 39
	TypeDS         uint16 = 43
	TypeRRSIG      uint16 = 46
	TypeNSEC       uint16 = 47
	TypeDNSKEY     uint16 = 48
	TypeNSEC3      uint16 = 50
	TypeNSEC3PARAM uint16 = 51
	typeSVCB       uint16 = 64
	typeHTTPS      uint16 = 65
)

// rdataNames tells where RDATA holds domain names: behind skip bytes stand
// count names in a row. Lists of strings before the names (NAPTR) and names
// that canonical order does not lower (RFC 6840 §5.1) are not described: such
// RDATA is compared as it is.
type rdataNames struct {
	skip, count uint8
	compress    bool // RFC 3597 §4: only the types of RFC 1035 may be compressed
	target      bool // its addresses go to the additional section
}

var rdataNamesByType = [...]rdataNames{
	TypeNS:    {0, 1, true, true},
	3:         {0, 1, true, false}, // MD
	4:         {0, 1, true, false}, // MF
	TypeCNAME: {0, 1, true, false},
	TypeSOA:   {0, 2, true, false},
	7:         {0, 1, true, false},  // MB
	8:         {0, 1, true, false},  // MG
	9:         {0, 1, true, false},  // MR
	12:        {0, 1, true, false},  // PTR
	14:        {0, 2, true, false},  // MINFO
	15:        {2, 1, true, true},   // MX
	17:        {0, 2, false, false}, // RP
	18:        {2, 1, false, false}, // AFSDB
	21:        {2, 1, false, false}, // RT
	26:        {2, 2, false, false}, // PX
	33:        {6, 1, false, true},  // SRV, RFC 2782
	36:        {2, 1, false, false}, // KX
	TypeDNAME: {0, 1, false, false}, // RFC 6672 §2.5
	typeSVCB:  {2, 1, false, true},  // RFC 9460 §4.1
	typeHTTPS: {2, 1, false, true},
	TypeRRSIG: {18, 1, false, false},
}

// namesOf returns where RDATA of rrtype holds names; a count of 0 says nowhere.
func namesOf(rrtype uint16) rdataNames {
	if int(rrtype) < len(rdataNamesByType) {
		return rdataNamesByType[rrtype]
	}
	return rdataNames{}
}

// appendCanonical appends rdata to dst with the names in it made lower case
// (RFC 4034 §6.2 point 3). SVCB and HTTPS are younger than that list: records
// of them that differ in case are two, and both are signed.
func appendCanonical(dst []byte, rrtype uint16, rdata []byte) []byte {
	at := len(dst)
	dst = append(dst, rdata...)
	names := namesOf(rrtype)
	if rrtype == typeSVCB || rrtype == typeHTTPS {
		return dst
	}
	i := at + int(names.skip)
	for range names.count {
		n, ok := dname.Check(dst[min(i, len(dst)):])
		if !ok {
			break
		}
		dname.Lower(dst[i : i+n])
		i += n
	}
	return dst
}

// wellFormed tells whether RDATA that the zone looks into is what its type says.
func wellFormed(rrtype uint16, rdata []byte) bool {
	switch rrtype {
	case TypeA:
		return len(rdata) == 4
	case TypeAAAA:
		return len(rdata) == 16
	case TypeNSEC:
		_, ok := dname.Check(rdata)
		return ok
	case TypeNSEC3:
		_, ok := parseNSEC3(rdata)
		return ok || len(rdata) >= 6 && rdata[0] != 1
	case TypeNSEC3PARAM:
		return len(rdata) >= 5 && len(rdata) == 5+int(rdata[4])
	}
	names := namesOf(rrtype)
	if names.count == 0 {
		return true
	}
	rest := rdata[min(int(names.skip), len(rdata)):]
	for range names.count {
		n, ok := dname.Check(rest)
		if !ok {
			return false
		}
		rest = rest[n:]
	}
	switch rrtype {
	case TypeSOA:
		return len(rest) == 20 // five numbers
	case TypeRRSIG, typeSVCB, typeHTTPS: // a signature; parameters
		return true
	}
	return len(rest) == 0
}
