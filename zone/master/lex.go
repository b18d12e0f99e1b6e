package master

// What a byte means outside quotes and comments. 0 is a byte that stands for
// itself anywhere.
const (
	cDot   = 1 << iota // ends a label; stands for itself outside names
	cBlank             // space, tab
	cEnd               // ends a token: blank, CR, LF, ; ( )
	cOdd               // \ " a byte outside ASCII, or a control character
)

var class = func() (t [256]uint8) {
	for i := range t {
		if i < ' ' || i >= 0x7f {
			t[i] = cOdd
		}
	}
	t['.'] = cDot
	t[' '], t['\t'] = cBlank|cEnd, cBlank|cEnd
	t['\n'], t['\r'], t[';'], t['('], t[')'] = cEnd, cEnd, cEnd, cEnd, cEnd
	t['\\'], t['"'] = cOdd, cOdd
	return t
}()

// A token is a word or a quoted string of a record.
type token struct {
	start, end int // in the text; of a quoted string what is between the quotes
	quoted     bool
	escaped    bool // has a backslash
	inner      bool // a word with a quoted part, as in SVCB's key="value"
}

// blanks moves to the next token of the record, over blanks and, inside
// parentheses, comments and line ends. It returns false at the end of the record
// and on an error, which p.err then tells.
func (p *parser) blanks() bool {
	text, i := p.text, p.pos
	for class[text[i]]&cBlank != 0 {
		i++
	}
	p.pos = i
	if class[text[i]]&cEnd == 0 {
		return true
	}
	return p.blanksSlow()
}

func (p *parser) blanksSlow() bool {
	for {
		switch p.text[p.pos] {
		case ' ', '\t':
			p.pos++
		case '\n':
			if p.paren < 0 {
				return false
			}
			if p.pos+1 == len(p.text) { // and stay there, for who asks again
				return p.fail(p.paren, p.paren+1, unclosedParen)
			}
			p.newline()
		case '\r':
			if p.text[p.pos+1] != '\n' {
				return p.fail(p.pos, p.pos+1, "a carriage return stands only before a line feed")
			}
			p.pos++
		case ';':
			for p.text[p.pos] != '\n' {
				p.pos++
			}
		case '(':
			if p.paren >= 0 {
				return p.fail(p.pos, p.pos+1, nestedParen)
			}
			p.paren = p.pos
			p.pos++
		case ')':
			if p.paren < 0 {
				return p.fail(p.pos, p.pos+1, `this ")" has no "(" before it`)
			}
			p.paren = -1
			p.pos++
		default:
			return true
		}
	}
}

// newline moves over a line end.
func (p *parser) newline() {
	p.pos++
	p.line++
	p.lineStart = p.pos
}

// need moves to the next token and fails if there is none.
func (p *parser) need(expected string) bool {
	return p.blanks() || p.missing(expected)
}

// end moves over the end of the record and fails if something stands before it.
func (p *parser) end() bool {
	if p.blanks() {
		from := p.pos
		if t, ok := p.token(); ok {
			return p.fail(from, p.pos, quote(p.text[t.start:t.end])+" is too much: the record is complete before it")
		}
		return false
	}
	if p.err != nil {
		return false
	}
	p.newline()
	return true
}

// token reads the token at p.pos, where blanks has moved to.
func (p *parser) token() (t token, ok bool) {
	text := p.text
	if text[p.pos] == '"' {
		t.quoted = true
		t.start = p.pos + 1
		if t.end, t.escaped, ok = p.quoted(); !ok {
			return t, false
		}
		if c := text[p.pos]; class[c]&cEnd == 0 && c != '"' {
			return t, p.fail(p.pos, p.pos+1, "a blank is missing after the closing quote")
		}
		return t, true
	}
	t.start = p.pos
	for {
		c := text[p.pos]
		switch k := class[c]; {
		case k&cEnd != 0:
			t.end = p.pos
			return t, true
		case k&cOdd == 0 || c >= 0x80:
			p.pos++
		case c == '\\':
			t.escaped = true
			p.pos++
			if text[p.pos] == '\n' || text[p.pos] == '\r' && text[p.pos+1] == '\n' {
				return t, p.fail(p.pos-1, p.pos, `"\" at the end of a line escapes nothing`)
			}
			p.pos++
		case c == '"':
			t.inner = true
			if _, escaped, ok := p.quoted(); !ok {
				return t, false
			} else if escaped {
				t.escaped = true
			}
		default:
			return t, p.fail(p.pos, p.pos+1, "control character "+quote(text[p.pos:p.pos+1]))
		}
	}
}

// word is token for what can't be quoted.
func (p *parser) word(expected string) (t token, ok bool) {
	if !p.need(expected) {
		return t, false
	}
	if t, ok = p.token(); ok && (t.quoted || t.inner) {
		return t, p.fail(t.start, t.end, "quotes can't stand around "+expected)
	}
	return t, ok
}

// quoted moves over the quoted string at p.pos and returns where it ends.
func (p *parser) quoted() (end int, escaped, ok bool) {
	text, open := p.text, p.pos
	p.pos++
	for {
		switch text[p.pos] {
		case '"':
			p.pos++
			return p.pos - 1, escaped, true
		case '\\':
			escaped = true
			p.pos++
			if text[p.pos] != '\n' {
				p.pos++
			}
		case '\n':
			if p.paren < 0 || p.pos+1 == len(text) {
				return 0, false, p.fail(open, open+1, unclosedQuote)
			}
			p.newline()
		default:
			p.pos++
		}
	}
}

// bad fails because of the word at p.pos, which is not what was expected.
func (p *parser) bad(expected string) bool {
	if t, ok := p.token(); ok {
		return p.notA(t.start, t.end, expected)
	}
	return false
}

const (
	nestedParen   = "parentheses can't stand inside parentheses"
	unclosedParen = `this "(" is never closed`
	unclosedQuote = "this quoted string is not closed on its line"
)
