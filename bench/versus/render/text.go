package render

import (
	"fmt"
	"io"
	"math"
	"strings"

	"yushan/bench/report/plain"
	"yushan/bench/report/units"
	"yushan/bench/versus/outcome"
)

// Text writes the outcome for people who read it in a terminal.
func Text(w io.Writer, o *outcome.Outcome) error {
	t := newTable(o)
	var b strings.Builder
	for i := range t.judged {
		j := &t.judged[i]
		fmt.Fprintf(&b, "\n%s, %s\n", j.Title, j.Unit)
		var table plain.Table
		head := []string{"", "median", "least–most", "× best peer"}
		shown := columns(j)
		for _, e := range shown {
			head = append(head, e.title(j.Row))
		}
		table.QuietRow(head...)
		for _, f := range j.Figures {
			cells := []string{plain.Clean(t.name(f.Server)), value(j.Row, f.Median), reach(j.Row, &f), times(j.Against(&f))}
			for _, e := range shown {
				cells = append(cells, cell(&f, e))
			}
			table.Row(cells...)
		}
		if len(j.Figures) > 0 {
			b.WriteString(strings.Join(table.Lines(), "\n") + "\n")
		}
		for _, note := range notes(t, j) {
			b.WriteString(plain.Clean(note) + "\n")
		}
		for _, target := range j.Targets {
			fmt.Fprintf(&b, "%s target %s: %s, %s\n", mark(target.Verdict), target.Text(j.Row, t.name), t.came(j, target), target.Verdict)
		}
	}
	for _, remark := range t.remarks() {
		fmt.Fprintf(&b, "\n%s\n", plain.Clean(remark))
	}
	fmt.Fprintf(&b, "\n%s\n", t.headline())
	losses, _ := t.losses()
	for _, loss := range losses {
		fmt.Fprintf(&b, "✘ we lose: %s\n", loss)
	}
	if share, row := t.busy(); share > doubtful {
		fmt.Fprintf(&b, "! others used up to %s of the machine (%s): measure again when it has nothing else to do\n", units.Percent(share), row)
	}
	_, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}

// doubtful is the share of the machine from which on others disturb.
const doubtful = 0.05

func cell(f *outcome.Figures, e extra) string {
	v, has := f.Extra[e.name]
	if !has || math.IsNaN(v) {
		return "–"
	}
	return e.format(v)
}

// notes are what is to be said of servers in a row.
func notes(t *table, j *outcome.Judgement) (list []string) {
	if j.Missing != "" {
		list = append(list, "Not measured: "+j.Missing+".")
	}
	for _, e := range j.Entries {
		if e.Note != "" && !(e.Server == outcome.Yushan && j.Missing != "") {
			list = append(list, t.name(e.Server)+": "+e.Note+".")
		}
		if failure := e.Failure(); failure != "" {
			list = append(list, t.name(e.Server)+": "+failure+".")
		}
	}
	return list
}

func mark(v outcome.Verdict) string {
	switch v {
	case outcome.Unknown:
		return "–"
	case outcome.Reached, outcome.LikelyReached:
		return "✔"
	}
	return "✘"
}

// Rows lists rows with their targets.
func Rows(w io.Writer, rows []outcome.Row) error {
	t := &table{Outcome: new(outcome.Outcome)}
	for i := range rows {
		row := &rows[i]
		var targets []string
		for _, target := range row.Targets {
			text := target.Text(row, t.name)
			if target.Moonshot {
				text += " (moonshot)"
			}
			targets = append(targets, text)
		}
		line := fmt.Sprintf("%-16s%-40s%s", row.ID, row.Title, strings.Join(targets, ", "))
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}
