package master

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// A generate is a part of a $GENERATE directive: which numbers to put into its
// template. The chunk's text is the whole directive.
type generate struct {
	template       int // where the text behind the range starts
	from, to, step int64
	first          bool // of the directive's parts
}

// generateAtOnce is the number of records that one batch has of a $GENERATE.
const generateAtOnce = 4096

// generate cuts a $GENERATE directive, p's text, into parts for the workers.
func (f *file) generate(b *block, p *parser) error {
	g, ok := p.generateRange()
	if !ok {
		return f.emit(&chunk{errs: []*Error{p.err}})
	}
	g.template = p.pos
	for from := g.from; from <= g.to; from += g.step * generateAtOnce {
		part := g
		part.from, part.to = from, min(g.to, from+g.step*(generateAtOnce-1))
		part.first = from == g.from
		b.refs.Add(1)
		if err := f.emit(&chunk{block: b, text: p.text, generate: &part, scope: f.scope, before: f.before}); err != nil {
			return err
		}
	}
	return nil
}

// generateRange reads the directive's word and its range: start-stop or
// start-stop/step.
func (p *parser) generateRange() (g generate, ok bool) {
	const expected = "a range: start-stop or start-stop/step"
	if _, ok = p.word("a directive"); !ok {
		return g, false
	}
	t, ok := p.word(expected)
	if !ok {
		return g, false
	}
	text := p.text[t.start:t.end]
	start, rest, hasStop := bytes.Cut(text, []byte("-"))
	stop, step, hasStep := bytes.Cut(rest, []byte("/"))
	if !hasStep {
		step = []byte("1")
	}
	from, err1 := strconv.ParseUint(string(start), 10, 31)
	to, err2 := strconv.ParseUint(string(stop), 10, 31)
	by, err3 := strconv.ParseUint(string(step), 10, 31)
	switch {
	case !hasStop || err1 != nil || err2 != nil || err3 != nil || by == 0:
		return g, p.notA(t.start, t.end, expected)
	case from > to:
		return g, p.notA(t.start, t.end, "a range: it stops before it starts")
	case (to-from)/by >= uint64(p.r.opts.maxGenerate):
		return g, p.fail(t.start, t.end, fmt.Sprintf("%s makes more than %d records", quote(text), p.r.opts.maxGenerate))
	}
	return generate{from: int64(from), to: int64(to), step: int64(by)}, true
}

// expand reads the records of a part of a $GENERATE.
func (p *parser) expand(g *generate) {
	directive := p.text
	p.begin()
	p.pos = g.template
	owner, middle, data, ok := p.generateTemplate()
	if !ok {
		if g.first { // all parts would say the same
			p.errs = append(p.errs, p.err)
		}
		return
	}
	var text []byte
	for n := g.from; n <= g.to; n += g.step {
		p.start(p.chunk, directive, p.chunk.line)
		p.begin()
		text, ok = p.substitute(text[:0], owner, n)
		text = append(append(append(text, ' '), directive[middle.start:middle.end]...), ' ')
		if ok {
			text, ok = p.substitute(text, data, n)
		}
		if ok {
			p.start(p.chunk, append(text, '\n'), p.chunk.line)
			p.fixed = true
			ok = p.record(0)
		}
		if !ok {
			p.err.Message += fmt.Sprintf(" (where $ is %d)", n)
			p.errs = append(p.errs, p.err)
			return
		}
	}
}

// generateTemplate finds the parts of a $GENERATE's template: the owner, what
// stands before the data, and the data.
func (p *parser) generateTemplate() (owner, middle, data token, ok bool) {
	if owner, ok = p.word("an owner name"); !ok {
		return
	}
	if !p.need("a record type") {
		return owner, middle, data, false
	}
	middle.start = p.pos
	if _, _, ok = p.header(); !ok {
		return
	}
	middle.end = p.pos
	if !p.need("its data") {
		return owner, middle, data, false
	}
	data.start = p.pos
	first, count := token{}, 0
	for p.blanks() {
		t, ok := p.token()
		if !ok {
			return owner, middle, data, false
		}
		if count++; count == 1 {
			first = t
		}
		data.end = p.pos
	}
	if count == 1 && first.quoted { // BIND: quotes keep the blanks of the data together
		data = first
	}
	return owner, middle, data, p.err == nil && p.end()
}

// substitute appends the text of a token with n put in for each "$".
func (p *parser) substitute(dst []byte, t token, n int64) ([]byte, bool) {
	text := p.text[:t.end]
	for i := t.start; i < t.end; {
		switch c := text[i]; {
		case c == '\\' && t.quoted && i+1 < t.end && text[i+1] == '"':
			dst = append(dst, '"')
			i += 2
		case c == '\\' && i+1 < t.end:
			dst = append(dst, c, text[i+1])
			i += 2
		case c == '\n' || c == '\r':
			dst = append(dst, ' ')
			i++
		case c != '$':
			dst = append(dst, c)
			i++
		case i+1 < t.end && text[i+1] == '$':
			dst = append(dst, '$')
			i += 2
		case i+1 < t.end && text[i+1] == '{':
			end := bytes.IndexByte(text[i:], '}')
			if end < 0 {
				return dst, p.fail(i, t.end, `"${" without "}"`)
			}
			m, ok := parseModifier(string(text[i+2 : i+end]))
			if !ok {
				return dst, p.notA(i, i+end+1, "a modifier: ${offset[,width[,base]]} with base d, o, x, X, n or N")
			}
			if m.offset+n < 0 || m.offset+n > math.MaxInt32 {
				return dst, p.fail(i, i+end+1, fmt.Sprintf("%s makes %d, which is not between 0 and 2147483647",
					quote(text[i:i+end+1]), m.offset+n))
			}
			dst = m.append(dst, m.offset+n)
			i += end + 1
		default:
			dst = strconv.AppendInt(dst, n, 10)
			i++
		}
	}
	return dst, true
}

// A modifier says how a number is written.
type modifier struct {
	offset int64
	width  int
	base   byte
}

func parseModifier(text string) (m modifier, ok bool) {
	m.base = 'd'
	var err error
	for i, field := range bytes.Split([]byte(text), []byte(",")) {
		s := string(field)
		switch i {
		case 0:
			m.offset, err = strconv.ParseInt(s, 10, 32)
		case 1:
			var width uint64
			width, err = strconv.ParseUint(s, 10, 8)
			m.width = int(width)
		case 2:
			if len(s) != 1 || !bytes.Contains([]byte("doxXnN"), field) {
				return m, false
			}
			m.base = s[0]
		default:
			return m, false
		}
		if err != nil {
			return m, false
		}
	}
	return m, true
}

// append writes n. The bases n and N write hexadecimal digits as labels, lowest
// first, as names below ip6.arpa need; dots count in the width.
func (m modifier) append(dst []byte, n int64) []byte {
	switch m.base {
	case 'o':
		return fmt.Appendf(dst, "%0*o", m.width, n)
	case 'x':
		return fmt.Appendf(dst, "%0*x", m.width, n)
	case 'X':
		return fmt.Appendf(dst, "%0*X", m.width, n)
	case 'n', 'N':
		digits := "0123456789abcdef"
		if m.base == 'N' {
			digits = "0123456789ABCDEF"
		}
		for width := m.width; ; {
			dst = append(dst, digits[n&15])
			n >>= 4
			width--
			if n == 0 && width <= 0 {
				return dst
			}
			dst = append(dst, '.')
			width--
		}
	}
	return fmt.Appendf(dst, "%0*d", m.width, n)
}
