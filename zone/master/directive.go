package master

import (
	"bytes"
	"strings"
)

// A directive is what a line that begins with "$" does.
type directive int

const (
	dirUnknown directive = iota
	dirOrigin
	dirTTL
	dirInclude
	dirGenerate
)

var directives = map[string]directive{
	"$ORIGIN":   dirOrigin,   // RFC 1035 §5.1
	"$TTL":      dirTTL,      // RFC 2308 §4
	"$INCLUDE":  dirInclude,  // RFC 1035 §5.1
	"$GENERATE": dirGenerate, // BIND
}

// directiveOf returns which directive a text begins with.
func directiveOf(text []byte) directive {
	n := 0
	for class[text[n]]&cEnd == 0 {
		n++
	}
	return directives[string(bytes.ToUpper(text[:n]))]
}

// directive acts on $ORIGIN and $TTL. The others were cut out by the splitter.
func (p *parser) directive() bool {
	from := p.pos
	t, ok := p.word("a directive")
	if !ok {
		return false
	}
	word := p.text[t.start:t.end]
	switch directives[string(bytes.ToUpper(word))] {
	case dirOrigin:
		origin, ok := p.name(nil, "a domain name")
		if !ok || !p.end() {
			return false
		}
		p.scope.origin = origin
		p.ownerText = nil // the same text now means another name
		return true
	case dirTTL:
		if !p.need("a TTL") {
			return false
		}
		ttl, ok := p.ttl()
		if !ok || !p.end() {
			return false
		}
		p.scope.ttl, p.scope.hasTTL = ttl, true
		return true
	}
	message := quote(word) + " is not a directive; $ORIGIN, $TTL, $INCLUDE and $GENERATE are"
	best := 3
	for name := range directives {
		if d := distance(strings.ToUpper(string(word)), name); d < best {
			best, message = d, quote(word)+" is not a directive; did you mean "+name+"?"
		}
	}
	return p.fail(from, p.pos, message)
}

// include reads an $INCLUDE directive and returns the path, where it stands, and
// the origin.
func (p *parser) include() (path string, at token, origin []byte, ok bool) {
	if _, ok = p.word("a directive"); !ok || !p.need("a file name") {
		return "", at, nil, false
	}
	if at, ok = p.token(); !ok {
		return "", at, nil, false
	}
	name, ok := p.unescaped(nil, at)
	if !ok {
		return "", at, nil, false
	}
	if len(name) == 0 {
		return "", at, nil, p.fail(at.start, at.end, "the file name is empty")
	}
	origin = p.scope.origin
	if p.blanks() {
		if origin, ok = p.name(nil, "a domain name"); !ok {
			return "", at, nil, false
		}
	}
	return string(name), at, origin, p.err == nil && p.end()
}
