package master

import (
	"bytes"
	"math"

	"github.com/miekg/dns"
)

// A scope is what directives set for the text after them.
type scope struct {
	origin []byte // wire format; nil if there is none
	ttl    uint32 // of $TTL
	hasTTL bool
}

// A parser turns the text of a chunk into records. Each worker has one, and so
// has the splitter for the directives that it meets.
type parser struct {
	r     *reader
	chunk *chunk

	// The text ends with a line feed, at which a quote or parenthesis that is
	// still open is an error: no loop needs to look for the end of the text.
	text      []byte
	pos       int
	firstLine uint32 // line number of the start of text
	line      uint32 // line number of lineStart
	lineStart int    // where the line of pos starts
	fixed     bool   // the text isn't from the file: all is at line firstLine
	paren     int    // where the open parenthesis stands, or -1

	scope   scope
	lastTTL uint32 // last stated in a record of this chunk
	hasLast bool

	// The record being read. owner is kept for the next one.
	owner      []byte // in wire; nil until the chunk states one
	ownerText  []byte // as written; the next record often repeats it
	ownerKnown bool   // for messages: owner belongs to this record
	typ        uint16 // 0 until it is read
	typeAt     int
	err        *Error

	wire    []byte   // block that owners and RDATA are appended to
	blocks  [][]byte // other blocks that the batch uses
	spare   [][]byte // blocks of earlier batches
	records []Record
	errs    []*Error

	types   []uint16
	tokens  []token
	scratch []byte
}

func newParser(r *reader) *parser { return &parser{r: r, paren: -1} }

// start begins with the text of a chunk.
func (p *parser) start(c *chunk, text []byte, line uint32) {
	p.chunk = c
	p.text, p.pos, p.firstLine, p.line, p.lineStart, p.fixed = text, 0, line, line, 0, false
	p.scope = c.scope
	p.hasLast, p.owner, p.ownerText = false, nil, nil
}

// parse reads all records and directives of the text.
func (p *parser) parse() {
	for p.pos < len(p.text) && len(p.errs) < p.r.opts.MaxErrors {
		start := p.pos
		p.begin()
		var ok bool
		if p.text[start] == '$' {
			ok = p.directive()
		} else {
			ok = p.record(start)
		}
		if !ok {
			p.errs = append(p.errs, p.err)
			p.skip(start)
		}
	}
}

// begin begins with a record or a directive.
func (p *parser) begin() {
	p.err, p.paren, p.ownerKnown, p.typ, p.typeAt = nil, -1, false, 0, p.pos
}

// skip moves behind the record that begins at start.
func (p *parser) skip(start int) {
	end, e := recordEnd(p.text, start)
	if !e.complete {
		end = len(p.text)
	}
	p.line = p.firstLine + uint32(bytes.Count(p.text[:end], newlines))
	p.pos, p.lineStart = end, end
}

var newlines = []byte{'\n'}

// record reads a record, or a line without one (RFC 1035 §5.1).
func (p *parser) record(start int) bool {
	if !p.blanks() {
		if p.err == nil {
			p.newline() // a blank line
			return true
		}
		return false
	}
	first, line, column := p.pos, p.line, uint32(p.pos-p.lineStart)+1
	p.reserve()
	if class[p.text[start]]&cBlank != 0 { // RFC 1035 §5.1: it begins with a blank
		if !p.inheritOwner() {
			return p.missingOwner()
		}
	} else if !p.readOwner() {
		return false
	}
	p.ownerKnown = true

	ttl, stated, ok := p.header()
	if !ok {
		return false
	}
	at := len(p.wire)
	wire, ok := p.rdata(p.wire)
	if !ok || !p.end() {
		return false
	}
	p.wire = wire
	if stated {
		p.lastTTL, p.hasLast = ttl, true
	} else if ttl, ok = p.defaultTTL(); !ok {
		return p.fail(first, first, "no TTL: neither this record nor $TTL nor a record before gives one (RFC 2308 §4)")
	}
	if p.fixed {
		line, column = p.firstLine, 1
	}
	p.records = append(p.records, Record{Owner: p.owner, RDATA: wire[at:len(wire):len(wire)], TTL: ttl, Type: p.typ,
		Class: dns.ClassINET, File: p.chunk.file, Line: line, Column: column})
	return true
}

// readOwner reads the owner name.
func (p *parser) readOwner() bool {
	start, n := p.pos, len(p.ownerText)
	if n > 0 && bytes.HasPrefix(p.text[start:], p.ownerText) && class[p.text[start+n]]&cEnd != 0 {
		p.pos += n
		return true
	}
	at := len(p.wire)
	wire, ok := p.name(p.wire, "an owner name")
	if !ok {
		return false
	}
	p.wire = wire
	p.owner = wire[at:len(wire):len(wire)]
	p.ownerText = p.text[start:p.pos]
	return true
}

// header reads TTL and class, in any order or left out, and the type.
func (p *parser) header() (ttl uint32, hasTTL, ok bool) {
	const expected = "a TTL, a class or a record type"
	hasClass := false
	for {
		if !p.need("a record type") {
			return 0, false, false
		}
		text, start := p.text, p.pos
		if c := text[start]; c-'0' <= 9 {
			if hasTTL {
				return 0, false, p.bad("a record type; the TTL was given already")
			}
			if ttl, ok = p.ttl(); !ok {
				return 0, false, false
			}
			hasTTL = true
			continue
		}
		var k packed
		i := start
		for ; class[text[i]]&(cEnd|cOdd) == 0; i++ {
			k = k<<8 | packed(upper[text[i]])
		}
		if class[text[i]]&cEnd == 0 {
			return 0, false, p.bad(expected)
		}
		word := text[start:i]
		if number, isClass := classOf(k, word); isClass {
			if hasClass {
				return 0, false, p.bad("a record type; the class was given already")
			}
			if number != dns.ClassINET {
				return 0, false, p.fail(start, i, "class "+string(word)+" can't be served; only IN can")
			}
			hasClass = true
			p.pos = i
			continue
		}
		p.typeAt = start
		t, known := hotType(k)
		if !known || len(word) > 8 {
			if t, known = lookupType(word); !known {
				if !hasTTL && !hasClass {
					return 0, false, p.notA(start, i, expected+didYouMean(word))
				}
				return 0, false, p.notA(start, i, "a record type"+didYouMean(word))
			}
			if isMeta(t) {
				return 0, false, p.fail(start, i, "type "+string(word)+" can't stand in a zone (RFC 6895 §3.1)")
			}
		}
		p.typ, p.pos = t, i
		return ttl, hasTTL, true
	}
}

// Packed mnemonics of the types and the class that nearly all records have.
const (
	packedA     packed = 'A'
	packedNS    packed = 'N'<<8 | 'S'
	packedDS    packed = 'D'<<8 | 'S'
	packedIN    packed = 'I'<<8 | 'N'
	packedAAAA  packed = 'A'<<24 | 'A'<<16 | 'A'<<8 | 'A'
	packedRRSIG packed = 'R'<<32 | 'R'<<24 | 'S'<<16 | 'I'<<8 | 'G'
	packedNSEC3 packed = 'N'<<32 | 'S'<<24 | 'E'<<16 | 'C'<<8 | '3'
)

// hotType finds the usual types without a look at a map.
func hotType(k packed) (uint16, bool) {
	switch k {
	case packedNS:
		return dns.TypeNS, true
	case packedA:
		return dns.TypeA, true
	case packedAAAA:
		return dns.TypeAAAA, true
	case packedDS:
		return dns.TypeDS, true
	case packedRRSIG:
		return dns.TypeRRSIG, true
	case packedNSEC3:
		return dns.TypeNSEC3, true
	}
	return 0, false
}

// classOf returns the class that a word names.
func classOf(k packed, word []byte) (uint16, bool) {
	if k == packedIN && len(word) == 2 {
		return dns.ClassINET, true
	}
	switch {
	case len(word) < 2 || len(word) > 10:
		return 0, false
	case len(word) > 5:
		return numbered(word, "CLASS")
	}
	switch k {
	case 'C'<<8 | 'S':
		return dns.ClassCSNET, true
	case 'C'<<8 | 'H':
		return dns.ClassCHAOS, true
	case 'H'<<8 | 'S':
		return dns.ClassHESIOD, true
	case 'N'<<24 | 'O'<<16 | 'N'<<8 | 'E':
		return dns.ClassNONE, true
	case 'A'<<16 | 'N'<<8 | 'Y':
		return dns.ClassANY, true
	}
	return 0, false
}

// maxTTL: RFC 2181 §8.
const maxTTL = math.MaxInt32

// ttl reads a TTL.
func (p *parser) ttl() (uint32, bool) {
	seconds, n, ok := parseDuration(p.text[p.pos:])
	if !ok || class[p.text[p.pos+n]]&cEnd == 0 {
		return 0, p.bad("a TTL: seconds, or figures with units as in 1w2d3h4m5s")
	}
	if seconds > maxTTL {
		return 0, p.bad("a TTL: the largest is 2147483647 seconds (RFC 2181 §8)")
	}
	p.pos += n
	return uint32(seconds), true
}

// defaultTTL returns the TTL of a record that states none: that of $TTL (RFC
// 2308 §4), or else the last one stated (RFC 1035 §5.1).
func (p *parser) defaultTTL() (uint32, bool) {
	if p.scope.hasTTL {
		return p.scope.ttl, true
	}
	if !p.hasLast {
		p.lastTTL, p.hasLast = p.chunk.before.ttl(p.r.ctx)
	}
	if p.hasLast {
		return p.lastTTL, true
	}
	return p.r.opts.DefaultTTL, p.r.opts.DefaultTTL > 0
}

// inheritOwner makes the last stated owner that of this record.
func (p *parser) inheritOwner() bool {
	if p.owner == nil {
		at := len(p.wire)
		p.wire = append(p.wire, p.chunk.before.owner(p.r.ctx)...)
		if len(p.wire) == at {
			return false
		}
		p.owner = p.wire[at:len(p.wire):len(p.wire)]
	}
	return true
}

func (p *parser) missingOwner() bool {
	from := p.pos
	if t, ok := p.token(); ok {
		return p.fail(from, p.pos, "an owner name is expected before "+quote(p.text[t.start:t.end])+
			": the line begins with a blank, and no record before it has an owner")
	}
	return false
}

// room is what nearly all records need for owner and RDATA. A larger one makes
// append move to a block of its own, which is correct, but makes garbage.
const room = 4 << 10

// reserve makes room for a record.
func (p *parser) reserve() {
	if cap(p.wire)-len(p.wire) >= room {
		return
	}
	if p.wire != nil {
		p.blocks = append(p.blocks, p.wire)
	}
	if n := len(p.spare); n > 0 {
		p.wire, p.spare = p.spare[n-1][:0], p.spare[:n-1]
	} else {
		p.wire = make([]byte, 0, max(2*p.r.opts.chunkBytes, 4*room))
	}
}

// reuse forgets the batch and its records.
func (p *parser) reuse() {
	p.spare = append(p.spare, p.blocks...)
	p.blocks = p.blocks[:0]
	p.wire = p.wire[:0]
	p.records, p.errs = p.records[:0], nil
}

func (p *parser) fileName() string { return p.chunk.fileName }
