package verify

import (
	"strconv"

	"github.com/miekg/dns"
)

// Types and classes that the rules are about.
const (
	typeA          = dns.TypeA
	typeNS         = dns.TypeNS
	typeCNAME      = dns.TypeCNAME
	typeSOA        = dns.TypeSOA
	typeHINFO      = dns.TypeHINFO
	typeAAAA       = dns.TypeAAAA
	typeNAPTR      = dns.TypeNAPTR
	typeDNAME      = dns.TypeDNAME
	typeOPT        = dns.TypeOPT
	typeDS         = dns.TypeDS
	typeRRSIG      = dns.TypeRRSIG
	typeNSEC       = dns.TypeNSEC
	typeDNSKEY     = dns.TypeDNSKEY
	typeNSEC3      = dns.TypeNSEC3
	typeNSEC3PARAM = dns.TypeNSEC3PARAM
	typeSVCB       = dns.TypeSVCB
	typeHTTPS      = dns.TypeHTTPS
	typeANY        = dns.TypeANY
	classIN        = dns.ClassINET
)

// RCODEs that are expected, or looked at.
const (
	noError   = dns.RcodeSuccess
	servFail  = dns.RcodeServerFailure
	nxDomain  = dns.RcodeNameError
	refused   = dns.RcodeRefused
	yxDomain  = dns.RcodeYXDomain
	badVers   = dns.RcodeBadVers
	badCookie = dns.RcodeBadCookie
)

// isData tells whether records of a type can be in a zone (RFC 6895 §3.1).
func isData(rrtype uint16) bool {
	return rrtype != 0 && rrtype != typeOPT && (rrtype < 128 || rrtype > 255)
}

func typeName(rrtype uint16) string { return dns.Type(rrtype).String() }

func rcodeName(rcode int) string {
	if name, ok := dns.RcodeToString[rcode]; ok {
		return name
	}
	return "RCODE " + strconv.Itoa(rcode)
}
