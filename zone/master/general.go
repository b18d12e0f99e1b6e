package master

import (
	"encoding/hex"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// A shape is what general must know of a type that miekg/dns reads: how many
// tokens its RDATA has and which of them are names, for these may be relative or
// hold U-labels.
type shape struct {
	least, most int
	name        func(i int, tokens []string) bool
	quote       uint64 // tokens that miekg/dns wants in quotes, whether they need them or not
	inner       bool   // tokens may have a quoted part (RFC 9460 §2.1)
	check       func(tokens []string) (bad int, expected string)
}

const many = math.MaxInt

// at tells that the tokens at these places are names.
func at(places ...int) func(int, []string) bool {
	return func(i int, _ []string) bool {
		for _, place := range places {
			if i == place {
				return true
			}
		}
		return false
	}
}

// gateway tells that the token at place is a name if the one at typeAt is 3
// (RFC 4025 §2.5, RFC 8777 §4.2.3).
func gateway(place, typeAt int) func(int, []string) bool {
	return func(i int, tokens []string) bool { return i == place && tokens[typeAt] == "3" }
}

var shapes = map[uint16]shape{
	dns.TypeAFSDB:      {least: 2, most: 2, name: at(1)},
	dns.TypeAMTRELAY:   {least: 4, most: 4, name: gateway(3, 2)},
	dns.TypeAPL:        {least: 0, most: many},
	dns.TypeCERT:       {least: 4, most: many},
	dns.TypeDHCID:      {least: 1, most: many},
	dns.TypeEID:        {least: 1, most: many},
	dns.TypeEUI48:      {least: 1, most: 1},
	dns.TypeEUI64:      {least: 1, most: 1},
	dns.TypeGID:        {least: 1, most: 1},
	dns.TypeGPOS:       {least: 3, most: 3},
	dns.TypeHINFO:      {least: 2, most: 2},
	dns.TypeHIP:        {least: 3, most: many, name: func(i int, _ []string) bool { return i >= 3 }, check: checkHIP},
	dns.TypeHTTPS:      {least: 2, most: many, name: at(1), inner: true},
	dns.TypeIPSECKEY:   {least: 4, most: many, name: gateway(3, 1)},
	dns.TypeISDN:       {least: 1, most: 2},
	dns.TypeKX:         {least: 2, most: 2, name: at(1)},
	dns.TypeL32:        {least: 2, most: 2},
	dns.TypeL64:        {least: 2, most: 2, check: checkNodeID},
	dns.TypeLOC:        {least: 4, most: 12},
	dns.TypeLP:         {least: 2, most: 2, name: at(1)},
	dns.TypeMB:         {least: 1, most: 1, name: at(0)},
	dns.TypeMD:         {least: 1, most: 1, name: at(0)},
	dns.TypeMF:         {least: 1, most: 1, name: at(0)},
	dns.TypeMG:         {least: 1, most: 1, name: at(0)},
	dns.TypeMINFO:      {least: 2, most: 2, name: at(0, 1)},
	dns.TypeMR:         {least: 1, most: 1, name: at(0)},
	dns.TypeNAPTR:      {least: 6, most: 6, name: at(5), quote: 1<<2 | 1<<3 | 1<<4},
	dns.TypeNID:        {least: 2, most: 2, check: checkNodeID},
	dns.TypeNIMLOC:     {least: 1, most: many},
	dns.TypeNSAPPTR:    {least: 1, most: 1, name: at(0)},
	dns.TypeNXT:        {least: 2, most: many, name: at(0)},
	dns.TypeOPENPGPKEY: {least: 1, most: many},
	dns.TypePX:         {least: 3, most: 3, name: at(1, 2)},
	dns.TypeRP:         {least: 2, most: 2, name: at(0, 1)},
	dns.TypeRT:         {least: 2, most: 2, name: at(1)},
	dns.TypeSMIMEA:     {least: 4, most: many},
	dns.TypeSRV:        {least: 4, most: 4, name: at(3)},
	dns.TypeSSHFP:      {least: 3, most: many},
	dns.TypeSVCB:       {least: 2, most: many, name: at(1), inner: true},
	dns.TypeTALINK:     {least: 2, most: 2, name: at(0, 1)},
	dns.TypeTLSA:       {least: 4, most: many},
	dns.TypeUID:        {least: 1, most: 1},
	dns.TypeUINFO:      {least: 1, most: 1},
	dns.TypeX25:        {least: 1, most: 1},
	dns.TypeZONEMD:     {least: 4, most: many},
}

// general reads RDATA by miekg/dns's parser and appends its wire format.
func (p *parser) general(dst []byte) ([]byte, bool) {
	s, known := shapes[p.typ]
	if !known {
		const only = `"\#", a length and the data in hexadecimal (RFC 3597 §5)`
		if p.need(only) {
			p.bad(only + ", the only form for type " + typeName(p.typ))
		}
		return dst, false
	}
	p.tokens = p.tokens[:0]
	for p.blanks() {
		t, ok := p.token()
		if !ok {
			return dst, false
		}
		if len(p.tokens) == s.most {
			return dst, p.fail(t.start, t.end, quote(p.text[t.start:t.end])+" is too much: the record is complete before it")
		}
		p.tokens = append(p.tokens, t)
	}
	if p.err != nil {
		return dst, false
	}
	if len(p.tokens) < s.least {
		return dst, p.missing("more data")
	}
	if len(p.tokens) == 0 {
		return dst, true
	}
	texts, ok := p.generalTexts(s)
	if !ok {
		return dst, false
	}
	if s.check != nil {
		if bad, expected := s.check(texts); expected != "" {
			return dst, p.notA(p.tokens[bad].start, p.tokens[bad].end, expected)
		}
	}
	rr, err := dns.NewRR(". 0 IN " + typeName(p.typ) + " " + strings.Join(texts, " "))
	if err != nil {
		return dst, p.generalError(err, texts)
	}
	_, rdata, err := FromRR(rr)
	if err != nil {
		_, why, _ := strings.Cut(err.Error(), ": ") // without the package that says so
		return dst, p.fail(p.tokens[0].start, p.tokens[len(p.tokens)-1].end, "this is not valid as the data of type "+typeName(p.typ)+": "+why)
	}
	return append(dst, rdata...), true
}

// generalTexts returns the tokens as miekg/dns shall see them.
func (p *parser) generalTexts(s shape) ([]string, bool) {
	plain := make([]string, len(p.tokens))
	for i, t := range p.tokens {
		plain[i] = string(p.text[t.start:t.end])
	}
	texts := make([]string, len(plain))
	for i, t := range p.tokens {
		isName := s.name != nil && s.name(i, plain)
		switch {
		case t.inner && (isName || !s.inner):
			return nil, p.fail(t.start, t.end, "a quote in the middle of "+quote(p.text[t.start:t.end]))
		case isName:
			if t.quoted {
				return nil, p.fail(t.start, t.end, "quotes can't stand around a domain name")
			}
			name, err := dname.Parse(plain[i], p.scope.origin)
			if err != nil {
				return nil, p.notA(t.start, t.end, "a domain name: "+reason(err))
			}
			texts[i] = dname.String(name)
		case t.quoted || s.quote>>i&1 == 1:
			if n, ok := p.unescaped(p.scratch[:0], t); !ok {
				return nil, false
			} else if len(n) > 255 {
				return nil, p.fail(t.start, t.end, fmt.Sprintf("%s is longer than 255 bytes", quote(p.text[t.start:t.end])))
			}
			texts[i] = `"` + strings.ReplaceAll(strings.ReplaceAll(plain[i], "\r", `\013`), "\n", `\010`) + `"`
		default:
			texts[i] = plain[i]
		}
	}
	return texts, true
}

// miekgError takes apart what miekg/dns says: `dns: bad SRV Port: "x" at line: 1:9`.
var miekgError = regexp.MustCompile(`^dns: (?:bad \S+ )?(.*?): ("(?:[^"\\]|\\.)*") at line: \d+:\d+$`)

// generalError makes an error of one that miekg/dns gave.
func (p *parser) generalError(err error, texts []string) bool {
	from, to := p.tokens[0].start, p.tokens[len(p.tokens)-1].end
	m := miekgError.FindStringSubmatch(err.Error())
	if m == nil {
		return p.fail(from, to, strings.TrimPrefix(err.Error(), "dns: "))
	}
	what, known := m[1], strings.HasPrefix(err.Error(), "dns: bad ")
	found, _ := strconv.Unquote(m[2])
	for i, t := range p.tokens {
		if strings.Trim(texts[i], `"`) == found {
			from, to = t.start, t.end
			break
		}
	}
	switch {
	case known:
		return p.fail(from, to, quote(p.text[from:to])+" is not a valid "+what)
	case what == "":
		return p.fail(from, to, quote(p.text[from:to])+" is not valid here")
	}
	return p.fail(from, to, quote(p.text[from:to])+": "+what)
}

// checkHIP refuses a HIT whose length miekg/dns would get wrong.
func checkHIP(tokens []string) (int, string) {
	if len(tokens[1]) > 254 || len(tokens[1])%2 != 0 {
		return 1, "a HIT of up to 127 bytes in hexadecimal"
	}
	if _, err := hex.DecodeString(tokens[1]); err != nil {
		return 1, "a HIT of up to 127 bytes in hexadecimal"
	}
	return 0, ""
}

// checkNodeID refuses what miekg/dns takes for four groups of hexadecimal digits
// (RFC 6742 §2.1.2).
func checkNodeID(tokens []string) (int, string) {
	groups := strings.Split(tokens[1], ":")
	if len(groups) == 4 && len(tokens[1]) == 19 {
		if _, err := hex.DecodeString(strings.Join(groups, "")); err == nil && len(groups[0]) == 4 && len(groups[1]) == 4 && len(groups[2]) == 4 {
			return 0, ""
		}
	}
	return 1, "four groups of four hexadecimal digits"
}
