package master

import (
	"errors"
	"slices"

	"yushan/zone/dname"
)

// name reads a domain name (RFC 1035 §5.1) and appends its wire format to dst.
// The usual name is copied once: text and wire format differ only in that each
// dot is the length of the label behind it.
func (p *parser) name(dst []byte, expected string) ([]byte, bool) {
	if !p.need(expected) {
		return dst, false
	}
	text, start, at := p.text, p.pos, len(dst)
	dst = slices.Grow(dst, 2*dname.MaxWire+2)
	wire := dst[at : at+dname.MaxWire+1]
	label := 0 // where the length byte of the label stands
	var n int  // bytes of text before the current one
	for n = 0; n < dname.MaxWire; n++ {
		c := text[start+n]
		k := class[c]
		if k == 0 {
			wire[n+1] = c
			continue
		}
		if k != cDot {
			if k&cEnd == 0 {
				return p.nameSlow(dst, expected)
			}
			break
		}
		length := n - label
		if uint(length-1) >= dname.MaxLabel {
			return p.nameSlow(dst, expected)
		}
		wire[label] = byte(length)
		label = n + 1
	}
	if n == dname.MaxWire {
		return p.nameSlow(dst, expected)
	}
	if label == n { // it ended with a dot
		wire[label] = 0
		p.pos += n
		return dst[:at+n+1], true
	}
	length := n - label
	if length > dname.MaxLabel || n+1+len(p.scope.origin) > dname.MaxWire ||
		p.scope.origin == nil || n == 1 && wire[1] == '@' {
		return p.nameSlow(dst, expected)
	}
	wire[label] = byte(length)
	p.pos += n
	return append(dst[:at+n+1], p.scope.origin...), true
}

// nameSlow reads what name doesn't: escapes, U-labels, "@", "." and errors.
func (p *parser) nameSlow(dst []byte, expected string) ([]byte, bool) {
	t, ok := p.word(expected)
	if !ok {
		return dst, false
	}
	text := p.text[t.start:t.end]
	switch {
	case len(text) == 1 && text[0] == '.':
		return append(dst, 0), true
	case len(text) == 1 && text[0] == '@' && p.scope.origin != nil:
		return append(dst, p.scope.origin...), true
	}
	out, err := dname.AppendParse(dst, string(text), p.scope.origin)
	switch {
	case err == nil:
		return out, true
	case errors.Is(err, dname.ErrNotAbsolute):
		p.fail(t.start, t.end, quote(text)+" is relative, but there is no $ORIGIN")
	default:
		p.fail(t.start, t.end, quote(text)+" is not "+expected+": "+reason(err))
	}
	return dst, false
}

// reason tells why dname refused a text, without the text itself.
func reason(err error) string {
	for _, known := range []error{dname.ErrEmptyLabel, dname.ErrLabelTooLong, dname.ErrNameTooLong,
		dname.ErrBadEscape, dname.ErrBadULabel} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return err.Error()
}
