package master

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"yushan/zone/dname"
)

// An Error is a mistake in the text of a master file.
type Error struct {
	File         string
	Line, Column int    // from 1; columns count characters
	Record       string // which record: `A record of "ns1.例子.tw" (ns1.xn--fsqu00a.tw)`; may be empty
	Found        string // the text at that place; empty where something is missing
	Message      string // what is wrong with it, and what was expected
}

// Error returns "file:line:column: record: message".
func (e *Error) Error() string {
	if e.Record == "" {
		return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s", e.File, e.Line, e.Column, e.Record, e.Message)
}

// Errors are the mistakes of a master file in the order of the text. If there
// were more than [Options].MaxErrors, the last one says that reading stopped.
type Errors []*Error

// Error returns one line for each error.
func (es Errors) Error() string {
	var b strings.Builder
	for i, e := range es {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap lets errors.As find each [*Error].
func (es Errors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// maxQuote is the number of bytes of the text that a message shows.
const maxQuote = 60

// quote returns text as a message shows it: shortened, and on one line.
func quote(text []byte) string {
	rest := ""
	if len(text) > maxQuote {
		cut := maxQuote
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text, rest = text[:cut], "…"
	}
	var b strings.Builder
	b.WriteByte('"')
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1, r < ' ', r == 0x7f:
			fmt.Fprintf(&b, `\%03d`, text[0])
		default:
			b.Write(text[:n])
		}
		text = text[n:]
	}
	b.WriteString(rest)
	b.WriteByte('"')
	return b.String()
}

// bytesOf returns "1 byte", "2 bytes".
func bytesOf(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// quoteName returns a name as a message shows it, with U-labels: "例子.tw"
// (xn--fsqu00a.tw).
func quoteName(name []byte) string {
	trim := func(s string) string {
		if len(s) > 1 {
			s = strings.TrimSuffix(s, ".")
		}
		return s
	}
	u, a := trim(dname.Unicode(name)), trim(dname.String(name))
	if u == a {
		return `"` + a + `"`
	}
	return `"` + u + `" (` + a + `)`
}

// fail keeps the first error of a record, which is about the text between from
// and to, and returns false.
func (p *parser) fail(from, to int, message string) bool {
	if p.err != nil {
		return false
	}
	e := &Error{File: p.fileName(), Found: string(p.text[from:to]), Message: message}
	e.Line, e.Column = p.place(from)
	if p.ownerKnown {
		e.Record = "record of " + quoteName(p.owner)
		if p.typ != 0 {
			e.Record = typeName(p.typ) + " " + e.Record
		}
	}
	p.err = e
	return false
}

// notA fails because the text between from and to is not what was expected.
func (p *parser) notA(from, to int, expected string) bool {
	return p.fail(from, to, quote(p.text[from:to])+" is not "+expected)
}

// missing fails because the record ends where something was expected.
func (p *parser) missing(expected string) bool {
	return p.fail(p.pos, p.pos, "the record ends where "+expected+" is expected")
}

// place returns the line and the column of an offset in the text.
func (p *parser) place(at int) (line, column int) {
	if p.fixed {
		return int(p.firstLine), 1
	}
	line = int(p.firstLine)
	start := 0
	for i, c := range p.text[:at] {
		if c == '\n' {
			line++
			start = i + 1
		}
	}
	return line, 1 + utf8.RuneCount(p.text[start:at])
}
