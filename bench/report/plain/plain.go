package plain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Table aligns columns: the first to the left, the others to the right.
type Table struct {
	rows  [][]string
	quiet []bool
}

// Row adds one.
func (t *Table) Row(cells ...string) { t.rows, t.quiet = append(t.rows, cells), append(t.quiet, false) }

// QuietRow adds one that matters less, such as the head.
func (t *Table) QuietRow(cells ...string) {
	t.rows, t.quiet = append(t.rows, cells), append(t.quiet, true)
}

// Quiet tells of a row whether it matters less.
func (t *Table) Quiet(row int) bool { return t.quiet[row] }

// Lines returns the rows, without spaces at their end.
func (t *Table) Lines() []string {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	lines := make([]string, 0, len(t.rows))
	for _, row := range t.rows {
		var b strings.Builder
		for i, cell := range row {
			if i > 0 {
				b.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString(pad + cell)
			}
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
	}
	return lines
}

// Clean makes a text from outside safe to show: what a terminal would act upon, or what
// turns the direction of writing, is written as its code.
func Clean(text string) string {
	if strings.IndexFunc(text, unprintable) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, c := range text {
		switch {
		case c == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case unprintable(c):
			fmt.Fprintf(&b, `\u{%x}`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func unprintable(c rune) bool { return !unicode.IsPrint(c) }

// Wrap breaks parts, joined by a separator, into lines of at most so many characters
// where that is possible.
func Wrap(parts []string, separator string, width int) (lines []string) {
	line := ""
	for _, part := range parts {
		switch {
		case line == "":
			line = part
		case utf8.RuneCountInString(line)+utf8.RuneCountInString(separator)+utf8.RuneCountInString(part) > width:
			lines = append(lines, line)
			line = part
		default:
			line += separator + part
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
