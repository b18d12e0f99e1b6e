package master

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/miekg/dns"
)

// maxRDATA is the largest length of RDATA (RFC 1035 §3.2.1).
const maxRDATA = math.MaxUint16

// rdata reads the RDATA of a record of type p.typ and appends its wire format.
func (p *parser) rdata(dst []byte) ([]byte, bool) {
	at := len(dst)
	if p.blanks() && p.text[p.pos] == '\\' && p.text[p.pos+1] == '#' && class[p.text[p.pos+2]]&cEnd != 0 {
		return p.generic(dst)
	}
	var ok bool
	switch p.typ {
	case dns.TypeA:
		dst, ok = p.ipv4(dst)
	case dns.TypeAAAA:
		dst, ok = p.ipv6(dst)
	case dns.TypeNS, dns.TypePTR, dns.TypeCNAME, dns.TypeDNAME:
		dst, ok = p.name(dst, "a domain name")
	case dns.TypeMX:
		dst, ok = p.number16(dst, "a preference")
		if ok {
			dst, ok = p.name(dst, "a domain name")
		}
	case dns.TypeSOA:
		dst, ok = p.soa(dst)
	case dns.TypeTXT, dns.TypeSPF, dns.TypeAVC, dns.TypeNINFO, dns.TypeRESINFO:
		dst, ok = p.txt(dst)
	case dns.TypeDS, dns.TypeCDS, dns.TypeDLV, dns.TypeTA:
		dst, ok = p.ds(dst)
	case dns.TypeDNSKEY, dns.TypeCDNSKEY, dns.TypeKEY, dns.TypeRKEY:
		dst, ok = p.dnskey(dst)
	case dns.TypeRRSIG, dns.TypeSIG:
		dst, ok = p.rrsig(dst)
	case dns.TypeNSEC:
		dst, ok = p.nsec(dst)
	case dns.TypeNSEC3:
		dst, ok = p.nsec3(dst)
	case dns.TypeNSEC3PARAM:
		dst, ok = p.nsec3param(dst)
	case dns.TypeCSYNC:
		dst, ok = p.csync(dst)
	case dns.TypeCAA:
		dst, ok = p.caa(dst)
	case dns.TypeURI:
		dst, ok = p.uri(dst)
	case typeDSYNC:
		dst, ok = p.dsync(dst)
	default:
		dst, ok = p.general(dst)
	}
	if ok && len(dst)-at > maxRDATA {
		return dst, p.fail(p.typeAt, p.typeAt, fmt.Sprintf("the data takes %d bytes; a record has at most %d", len(dst)-at, maxRDATA))
	}
	return dst, ok
}

// soa: RFC 1035 §3.3.13.
func (p *parser) soa(dst []byte) ([]byte, bool) {
	dst, ok := p.name(dst, "the name of the primary server")
	if ok {
		dst, ok = p.name(dst, "the mailbox of the person responsible")
	}
	if ok {
		dst, ok = p.number32(dst, "a serial")
	}
	for _, field := range [...]string{"a refresh interval", "a retry interval", "an expire limit", "a negative caching TTL"} {
		if ok {
			dst, ok = p.duration(dst, field)
		}
	}
	return dst, ok
}

// txt: RFC 1035 §3.3.14.
func (p *parser) txt(dst []byte) ([]byte, bool) {
	dst, ok := p.characterString(dst, "a character-string")
	for ok && p.blanks() {
		dst, ok = p.characterString(dst, "a character-string")
	}
	return dst, ok && p.err == nil
}

// algorithm reads a DNSSEC algorithm by number or mnemonic (RFC 4034 §A.1).
func (p *parser) algorithm(dst []byte) ([]byte, bool) {
	const expected = "a DNSSEC algorithm"
	if !p.need(expected) {
		return dst, false
	}
	if c := p.text[p.pos]; '0' <= c && c <= '9' {
		return p.number8(dst, expected)
	}
	t, ok := p.word(expected)
	if !ok {
		return dst, false
	}
	number, ok := dns.StringToAlgorithm[strings.ToUpper(string(p.text[t.start:t.end]))]
	if !ok {
		return dst, p.notA(t.start, t.end, expected+": a number from 0 to 255 or a mnemonic")
	}
	return append(dst, number), true
}

// digestBytes is the length of a DS record's digest by digest type; 0 means that
// any is right.
var digestBytes = [256]uint8{
	dns.SHA1:   20,
	dns.SHA256: 32,
	dns.GOST94: 32,
	dns.SHA384: 48,
	5:          32, // RFC 9558 §4
	6:          32, // RFC 9563 §2
}

// ds: RFC 4034 §5.3.
func (p *parser) ds(dst []byte) ([]byte, bool) {
	dst, ok := p.number16(dst, "a key tag")
	if ok {
		dst, ok = p.algorithm(dst)
	}
	if ok {
		dst, ok = p.number8(dst, "a digest type")
	}
	if !ok || !p.need("a digest") {
		return dst, false
	}
	at, from := len(dst), p.pos
	dst, ok = p.hex(dst, "a digest")
	if want := int(digestBytes[dst[at-1]]); ok && want != 0 && len(dst)-at != want {
		return dst, p.fail(from, p.pos, fmt.Sprintf("the digest has %s; digest type %d has %d", bytesOf(len(dst)-at), dst[at-1], want))
	}
	return dst, ok
}

// dnskey: RFC 4034 §2.2.
func (p *parser) dnskey(dst []byte) ([]byte, bool) {
	dst, ok := p.number16(dst, "flags")
	if ok {
		dst, ok = p.number8(dst, "a protocol")
	}
	if ok {
		dst, ok = p.algorithm(dst)
	}
	if ok {
		dst, ok = p.base64(dst, "a public key")
	}
	return dst, ok
}

// rrsig: RFC 4034 §3.2.
func (p *parser) rrsig(dst []byte) ([]byte, bool) {
	covered, ok := p.recordType("the type covered by the signature")
	dst = binary.BigEndian.AppendUint16(dst, covered)
	if ok {
		dst, ok = p.algorithm(dst)
	}
	if ok {
		dst, ok = p.number8(dst, "a number of labels")
	}
	if ok {
		dst, ok = p.number32(dst, "an original TTL")
	}
	if ok {
		dst, ok = p.time32(dst, "an expiration time")
	}
	if ok {
		dst, ok = p.time32(dst, "an inception time")
	}
	if ok {
		dst, ok = p.number16(dst, "a key tag")
	}
	if ok {
		dst, ok = p.name(dst, "the signer's name")
	}
	if ok {
		dst, ok = p.base64(dst, "a signature")
	}
	return dst, ok
}

// nsec: RFC 4034 §4.2. The bitmap is never empty, for the NSEC is there itself.
func (p *parser) nsec(dst []byte) ([]byte, bool) {
	dst, ok := p.name(dst, "the next domain name")
	if !ok || !p.need("a record type") {
		return dst, false
	}
	return p.typeBitmap(dst)
}

// nsec3Params reads what NSEC3 and NSEC3PARAM begin with.
func (p *parser) nsec3Params(dst []byte) ([]byte, bool) {
	dst, ok := p.number8(dst, "a hash algorithm")
	if ok {
		dst, ok = p.number8(dst, "flags")
	}
	if ok {
		dst, ok = p.number16(dst, "a number of iterations")
	}
	if ok {
		dst, ok = p.hexWord(dst, "a salt")
	}
	return dst, ok
}

// nsec3: RFC 5155 §3.3. Its bitmap may be empty: empty non-terminals have no types.
func (p *parser) nsec3(dst []byte) ([]byte, bool) {
	const sha1, sha1Bytes = 1, 20 // RFC 5155 §11
	algorithm := len(dst)
	dst, ok := p.nsec3Params(dst)
	if !ok || !p.need("the next hashed owner name") {
		return dst, false
	}
	from, hash := p.pos, len(dst)
	if dst, ok = p.base32(dst, "the next hashed owner name"); !ok {
		return dst, false
	}
	if dst[algorithm] == sha1 && dst[hash] != sha1Bytes {
		return dst, p.fail(from, p.pos, fmt.Sprintf("the next hashed owner name has %s; a SHA-1 hash has 20", bytesOf(int(dst[hash]))))
	}
	return p.typeBitmap(dst)
}

// nsec3param: RFC 5155 §4.3.
func (p *parser) nsec3param(dst []byte) ([]byte, bool) {
	return p.nsec3Params(dst)
}

// csync: RFC 7477 §2.1.2.
func (p *parser) csync(dst []byte) ([]byte, bool) {
	dst, ok := p.number32(dst, "a serial")
	if ok {
		dst, ok = p.number16(dst, "flags")
	}
	if !ok {
		return dst, false
	}
	return p.typeBitmap(dst)
}

// caa: RFC 8659 §4.1.1. The value isn't a character-string: it may be longer.
func (p *parser) caa(dst []byte) ([]byte, bool) {
	dst, ok := p.number8(dst, "flags")
	if !ok {
		return dst, false
	}
	const expected = "a tag of letters and digits"
	t, ok := p.word(expected)
	if !ok {
		return dst, false
	}
	tag := p.text[t.start:t.end]
	for _, c := range tag {
		if c = upper[c]; (c < '0' || '9' < c) && (c < 'A' || 'Z' < c) || len(tag) > 255 {
			return dst, p.notA(t.start, t.end, expected)
		}
	}
	return p.octets(append(append(dst, byte(len(tag))), tag...), "a value")
}

// uri: RFC 7553 §4.
func (p *parser) uri(dst []byte) ([]byte, bool) {
	dst, ok := p.number16(dst, "a priority")
	if ok {
		dst, ok = p.number16(dst, "a weight")
	}
	if ok {
		dst, ok = p.octets(dst, "a URI")
	}
	return dst, ok
}

// octets reads a string of any length, and appends it without a length.
func (p *parser) octets(dst []byte, expected string) ([]byte, bool) {
	if !p.need(expected) {
		return dst, false
	}
	t, ok := p.token()
	if !ok {
		return dst, false
	}
	return p.unescaped(dst, t)
}

// dsync: RFC 9859 §2.2.
func (p *parser) dsync(dst []byte) ([]byte, bool) {
	covered, ok := p.recordType("a record type")
	if !ok || !p.need("a scheme") {
		return dst, false
	}
	dst = binary.BigEndian.AppendUint16(dst, covered)
	if word := p.text[p.pos:]; len(word) > 6 && strings.EqualFold(string(word[:6]), "NOTIFY") && class[word[6]]&cEnd != 0 {
		dst, p.pos = append(dst, 1), p.pos+6
	} else {
		dst, ok = p.number8(dst, "a scheme")
	}
	if ok {
		dst, ok = p.number16(dst, "a port")
	}
	if ok {
		dst, ok = p.name(dst, "a domain name")
	}
	return dst, ok
}
