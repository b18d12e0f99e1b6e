package master

import "bytes"

// An ending says why recordEnd stopped.
type ending struct {
	complete bool
	nested   bool // at a "(" inside parentheses, there
	paren    int  // the parenthesis that is still open, or -1
	quote    int  // the first quoted string in it that went over a line end, or -1
}

// recordEnd returns where the record ends that at is in, outside quotes and
// parentheses: behind its line feed, or where the text ended or a nested
// parenthesis began. Splitter and parser agree on it, whatever the record holds.
func recordEnd(text []byte, at int) (int, ending) {
	e := ending{paren: -1, quote: -1}
	for i := at; i < len(text); i++ {
		if class[text[i]]&(cEnd|cOdd) == 0 {
			continue
		}
		switch text[i] {
		case '\n':
			if e.paren < 0 {
				e.complete = true
				return i + 1, e
			}
		case ';':
			n := bytes.IndexByte(text[i:], '\n')
			if n < 0 {
				return len(text), e
			}
			i += n - 1
		case '(':
			if e.paren >= 0 {
				e.nested = true
				return i, e
			}
			e.paren = i
		case ')':
			e.paren, e.quote = -1, -1
		case '\\':
			if i+1 < len(text) && text[i+1] != '\n' && text[i+1] != '\r' {
				i++
			}
		case '"':
			open := i
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\n' {
					if e.paren < 0 {
						e.complete = true
						return i + 1, e
					}
					if e.quote < 0 {
						e.quote = open
					}
				} else if text[i] == '\\' && i+1 < len(text) && text[i+1] != '\n' {
					i++
				}
			}
			if i >= len(text) && e.quote < 0 {
				e.quote = open
			}
		}
	}
	return len(text), e
}

// A sieve finds the bytes that matter for record boundaries in text that is
// mostly free of them.
type sieve struct {
	text []byte
	at   [len(sieveBytes)]int // next place of each, from where it was last asked
}

const sieveBytes = `("\;$`

func newSieve(text []byte) sieve {
	s := sieve{text: text}
	for k := range s.at {
		s.at[k] = -1
	}
	return s
}

// next returns the first place from pos on with a byte of sieveBytes, or the end.
func (s *sieve) next(pos int) int {
	best := len(s.text)
	for k, at := range s.at {
		if at < pos {
			at = len(s.text)
			if n := bytes.IndexByte(s.text[pos:], sieveBytes[k]); n >= 0 {
				at = pos + n
			}
			s.at[k] = at
		}
		best = min(best, at)
	}
	return best
}

// nextAtLineStart is next that passes over dollars which begin no directive.
func (s *sieve) nextAtLineStart(pos int) int {
	for {
		at := s.next(pos)
		if at == len(s.text) || s.text[at] != '$' || at > 0 && s.text[at-1] == '\n' {
			return at
		}
		pos = at + 1
	}
}

// beginsRecord tells whether a line that begins with c begins with an owner or
// a directive, so that a chunk that starts with it needs no owner from before.
func beginsRecord(c byte) bool {
	return class[c]&cEnd == 0
}

// lineStart returns where the line of at starts.
func lineStart(text []byte, at int) int {
	return bytes.LastIndexByte(text[:at], '\n') + 1
}

// scan walks over the records of text, which starts at a record boundary, and
// sends chunks of it. It returns how much it used up; the rest belongs to the
// next block. At the end of the file it uses all.
func (f *file) scan(b *block, text []byte, eof bool) (used int, err error) {
	cut := cutter{f: f, block: b, text: text, scope: f.scope}
	enough := len(text) // from here on, the next good place to cut is taken
	if !eof {
		enough -= len(text) / 8
	}
	specials := newSieve(text)
	pos := 0 // a record boundary
	if f.skipping {
		pos = cut.skip(0)
	}
	for pos < len(text) {
		if pos >= enough && beginsRecord(text[pos]) {
			break
		}
		start, at := pos, pos // of a record that needs a closer look, and where to look
		if text[pos] != '$' {
			at = specials.nextAtLineStart(pos)
			if at >= enough {
				var good bool
				if pos, good = lastBoundary(text, pos, max(pos, enough), at); good {
					break
				}
			}
			if at == len(text) && (eof || at-pos < maxRecordText) {
				break
			}
			start = lineStart(text, at)
		}
		end, e := recordEnd(text, at)
		switch {
		case e.complete && text[start] == '$':
			if err = f.directive(&cut, start, end); err != nil {
				return 0, err
			}
			pos = end
		case e.complete:
			pos = end
		case !e.nested && !eof && len(text) < maxRecordText: // the next block has more of it
			return start, cut.send(start)
		default:
			if pos, err = cut.unclosed(start, end, e); err != nil {
				return 0, err
			}
		}
	}
	if f.skipping {
		return len(text) - 1, nil // whether it ends a line matters to the next block
	}
	if eof {
		pos = len(text)
	}
	return pos, cut.send(pos)
}

// lastBoundary looks for a line start in text[from:to], a stretch without
// special bytes, at which a chunk may end. If there is no good one, it returns the
// last one there is, or pos.
func lastBoundary(text []byte, pos, from, to int) (at int, good bool) {
	for next := from; ; {
		n := bytes.IndexByte(text[next:to], '\n')
		if n < 0 {
			return max(pos, lineStart(text, to)), false
		}
		next += n + 1
		if next < len(text) && beginsRecord(text[next]) {
			return next, true
		}
	}
}

// A cutter makes chunks of the text of a block.
type cutter struct {
	f     *file
	block *block
	text  []byte
	start int   // of the text that wasn't sent yet
	scope scope // at start
}

// send sends the text up to end.
func (c *cutter) send(end int) error {
	f := c.f
	if c.start == end {
		c.scope = f.scope
		return nil
	}
	c.block.refs.Add(1)
	next := &chunk{block: c.block, text: c.text[c.start:end], scope: c.scope, before: f.before}
	err := f.emit(next)
	f.before = next
	c.skipTo(end)
	return err
}

// skipTo leaves out the text up to end.
func (c *cutter) skipTo(end int) {
	c.f.line += uint32(bytes.Count(c.text[c.start:end], newlines))
	c.start, c.scope = end, c.f.scope
}

// unclosed sends what lies before the record at start, which has no end, and an
// error that tells where it was opened. It returns where reading goes on.
func (c *cutter) unclosed(start, end int, e ending) (int, error) {
	if err := c.send(start); err != nil {
		return 0, err
	}
	at, message := start, "a line of more than 4 MiB"
	switch {
	case e.nested && e.quote < 0 && bytes.IndexByte(c.text[e.paren:end], '\n') < 0:
		at, message = end, nestedParen
	case e.quote >= 0:
		at, message = e.quote, unclosedQuote
	case e.paren >= 0:
		at, message = e.paren, unclosedParen
	}
	if err := c.f.sendError(c.text[start:], at-start, 1, message); err != nil {
		return 0, err
	}
	return c.skip(at), nil
}

// skip leaves out all up to the next line behind at that begins with an owner or
// a directive, and returns where that is. If there is none, the file's skipping
// stays set for the next block.
func (c *cutter) skip(at int) int {
	for {
		n := bytes.IndexByte(c.text[at:], '\n')
		if n < 0 {
			c.f.skipping = true
			c.skipTo(max(c.start, len(c.text)-1))
			return len(c.text)
		}
		at += n + 1
		if at < len(c.text) && beginsRecord(c.text[at]) {
			c.f.skipping = false
			c.skipTo(at)
			return at
		}
	}
}
