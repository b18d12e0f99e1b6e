package query

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// maxErrors is how many bad lines are told of.
const maxErrors = 10

// maxLine is how long a line may be: a name of 255 bytes, each of them escaped, has 1,020
// characters.
const maxLine = 64 << 10

// ReadText reads queries in dnsperf's format: a name and a type on each line, parted by
// blanks. What follows is ignored, as are empty lines and those that begin with ";".
// Names are absolute, with or without a final dot, and may have U-labels; types may be
// written as TYPE65 (RFC 3597 §5). name is what errors call the file; they tell line
// and column, counted in bytes from 1. Classes are QTYPEs.
func ReadText(r io.Reader, name string, o Options) (*Set, error) {
	b := newBuilder(o)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var bad []error
	more := 0
	wire := make([]byte, 0, dname.MaxWire)
	line := 0
	for lines.Scan() {
		line++
		text := lines.Text()
		if line == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		qname, qtype, column, err := parseLine(wire[:0], text)
		switch {
		case err != nil && len(bad) < maxErrors:
			bad = append(bad, fmt.Errorf("%s:%d:%d: %w", name, line, column, err))
		case err != nil:
			more++
		case qname != nil && len(b.set.queries) == maxQueries:
			return nil, fmt.Errorf("%s:%d: %w", name, line, errTooMany)
		case qname != nil:
			b.add(qname, qtype, 0, false)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("%s:%d: a line of more than %d bytes", name, line+1, maxLine)
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if more > 0 {
		bad = append(bad, fmt.Errorf("%s: and %d more bad lines", name, more))
	}
	if bad != nil {
		return nil, errors.Join(bad...)
	}
	if b.set.Len() == 0 {
		return nil, fmt.Errorf("%s: %w", name, ErrNone)
	}
	b.classify()
	return b.set, nil
}

const blanks = " \t\r\v\f"

// parseLine appends the name of a line to dst; it returns none if there is nothing to
// ask. column is where an error is.
func parseLine(dst []byte, line string) (qname []byte, qtype uint16, column int, err error) {
	rest := strings.TrimLeft(line, blanks)
	column = len(line) - len(rest) + 1
	if rest == "" || rest[0] == ';' {
		return nil, 0, 0, nil
	}
	text, rest := cut(rest)
	if text == "@" {
		return nil, 0, column, errors.New(`"@" has no meaning here: expected a whole name`)
	}
	qname, err = dname.AppendParse(dst, text, dname.Root)
	if err != nil {
		return nil, 0, column, fmt.Errorf("name %q: %w", text, err)
	}
	kind, _ := cut(rest)
	column = len(line) - len(rest) + 1
	if kind == "" {
		return nil, 0, column, fmt.Errorf("name %q is not followed by a type", text)
	}
	qtype, err = ParseType(kind)
	if err != nil && text[0] == '#' {
		err = fmt.Errorf(`%w (a comment begins with ";")`, err)
	}
	return qname, qtype, column, err
}

// cut parts the first word of a text from what comes behind it and the blanks.
func cut(text string) (word, rest string) {
	end := strings.IndexAny(text, blanks)
	if end < 0 {
		return text, ""
	}
	return text[:end], strings.TrimLeft(text[end:], blanks)
}

// ParseType reads the name of a type that can be asked for: "AAAA", "any" or "TYPE65".
// Transfers and OPT can't: their answers are not one message, or they are no question.
func ParseType(text string) (uint16, error) {
	upper := strings.ToUpper(text)
	qtype, ok := dns.StringToType[upper]
	if number, found := strings.CutPrefix(upper, "TYPE"); found {
		n, err := strconv.ParseUint(number, 10, 16)
		qtype, ok = uint16(n), err == nil
	} else if qtype == dns.TypeNone || qtype == dns.TypeReserved {
		ok = false // the library's words, not IANA's
	}
	switch {
	case !ok:
		return 0, fmt.Errorf("%q is not a record type", text)
	case qtype == dns.TypeAXFR || qtype == dns.TypeIXFR || qtype == dns.TypeOPT:
		return 0, fmt.Errorf("type %s can't be asked for by a query", upper)
	}
	return qtype, nil
}
