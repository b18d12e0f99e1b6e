package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"yushan/bench/report/units"
	"yushan/bench/versus/outcome"
)

// HostClass is a short name for machines like this one: "2-amd-epyc".
func HostClass(m outcome.Machine) string {
	name := strings.ToLower(m.Processor)
	for _, noise := range []string{"(r)", "(tm)", "processor", "cpu"} {
		name = strings.ReplaceAll(name, noise, " ")
	}
	name, _, _ = strings.Cut(name, "@")
	words := strings.FieldsFunc(name, func(c rune) bool { return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') })
	return strings.Join(append([]string{fmt.Sprint(m.Cores)}, words[:min(len(words), 4)]...), "-")
}

// document is a report that is being written.
type document struct {
	*table
	strings.Builder
	base     string
	pictures map[string]Picture
}

// Markdown writes the report. Its pictures are in files beside it, which begin with base.
func Markdown(w io.Writer, o *outcome.Outcome, base string, pictures []Picture) error {
	d := &document{table: newTable(o), base: base, pictures: map[string]Picture{}}
	for _, p := range pictures {
		d.pictures[p.Name] = p
	}
	d.head()
	d.summary()
	for i, group := range d.groups() {
		d.f("\n## %s\n", group)
		d.picture("group" + fmt.Sprint(i+1))
		for k := range d.judged {
			if d.judged[k].Group == group {
				d.row(&d.judged[k])
			}
		}
	}
	d.method()
	d.servers()
	d.again()
	_, err := io.WriteString(w, d.String())
	return err
}

func (d *document) f(format string, args ...any) { fmt.Fprintf(d, format, args...) }

func (d *document) picture(name string) {
	if p, there := d.pictures[name]; there {
		d.f("\n![%s](%s-%s.svg)\n", p.Text, d.base, name)
	}
}

func (d *document) head() {
	var peers []string
	for _, s := range d.Servers {
		if s.ID != outcome.Yushan && !s.Floor {
			peers = append(peers, d.name(s.ID))
		}
	}
	d.f("# yushan beside %s\n\n", listed(peers))
	d.f("%s, on %s, %s, %s of memory. Written by `%s`; the figures are in [%s.json](%s.json).\n",
		d.Started.UTC().Format(time.DateOnly), orUnknown(d.Machine.Processor), units.Plural(d.Machine.Cores, "core", "cores"), units.Bytes(d.Machine.MemoryBytes), d.Command, d.base, d.base)
	d.f("\n**%s.**\n", d.headline())
	losses, beyond := d.losses()
	if len(losses) > 0 {
		d.f("\nWhere we lose:\n\n")
		for _, loss := range losses {
			d.f("* **%s**\n", loss)
		}
	} else if len(peers) > 0 {
		d.f("\nNo peer does better in any row.\n")
	}
	if len(beyond) > 0 {
		d.f("\nTargets that are missed:\n\n")
		for _, text := range beyond {
			d.f("* %s\n", text)
		}
	}
	if share, row := d.busy(); share > doubtful {
		d.f("\n**Others used up to %s of the machine while it was measured (%s).** CPU times are disturbed less than rates, but measure again when it has nothing else to do.\n", units.Percent(share), row)
	}
	if d.Settings.Rounds < 5 {
		d.f("\n%s of %g s: too few to rely on.\n", units.Plural(d.Settings.Rounds, "round", "rounds"), d.Settings.Seconds)
	}
	if len(d.Notes) > 0 {
		d.f("\nLeft out:\n\n")
		for _, note := range d.Notes {
			d.f("* %s\n", note)
		}
	}
}

// summary is the table of all rows.
func (d *document) summary() {
	d.f("\n## Summary\n")
	d.picture("overview")
	d.f("\nThe ratio is yushan's median by the best peer's, with its 95 %% interval.\n\n")
	d.f("| row | yushan | best peer | ratio | target | came to | |\n|---|---:|---:|---:|---|---:|---|\n")
	for i := range d.judged {
		j := &d.judged[i]
		own, best, ratio := "–", "–", "–"
		if f := j.Of(outcome.Yushan); f != nil {
			own = with(j.Row, f.Median)
		}
		if f := j.Of(j.Best); f != nil {
			best, ratio = with(j.Row, f.Median)+", "+d.name(j.Best), between(j.Ratio)
		}
		if j.Lost {
			ratio = "**" + ratio + ": we lose**"
		}
		if len(j.Targets) == 0 {
			d.f("| [%s](#%s) | %s | %s | %s | | | |\n", j.Title, anchor(j.Title), own, best, ratio)
		}
		for k, target := range j.Targets {
			name := fmt.Sprintf("[%s](#%s)", j.Title, anchor(j.Title))
			if k > 0 {
				name, own, best, ratio = "", "", "", ""
			}
			text := target.Text(j.Row, d.name)
			if target.Moonshot {
				text += " (moonshot)"
			}
			d.f("| %s | %s | %s | %s | %s | %s | %s |\n", name, own, best, ratio, text, d.came(j, target), verdict(target.Verdict))
		}
	}
	for _, remark := range d.remarks() {
		d.f("\n<sub>%s</sub>\n", remark)
	}
}

// remarks are what is to be said of how servers were built.
func (t *table) remarks() (list []string) {
	for _, s := range t.Servers {
		if s.Remark != "" {
			list = append(list, t.name(s.ID)+" is "+s.Remark+".")
		}
	}
	return list
}

func verdict(v outcome.Verdict) string {
	text := mark(v) + " " + v.String()
	if !v.Good() && v != outcome.Unknown {
		return "**" + text + "**"
	}
	return text
}

// row is what was measured of all servers in one.
func (d *document) row(j *outcome.Judgement) {
	d.f("\n### %s\n\n%s\n", j.Title, j.How)
	if len(j.Figures) > 0 {
		shown := columns(j)
		d.f("\n| | %s | least–most | × best peer |", j.Unit)
		for _, e := range shown {
			d.f(" %s |", e.title(j.Row))
		}
		d.f("\n|---|---:|---:|---:|%s\n", strings.Repeat("---:|", len(shown)))
		for _, f := range j.Figures {
			name, against := d.name(f.Server), times(j.Against(&f))
			if f.Server == outcome.Yushan {
				name, against = "**"+name+"**", "**"+against+"**"
			}
			if s := d.Server(f.Server); s != nil && s.Floor {
				name, against = "*"+name+"*", "*"+against+"*"
			}
			d.f("| %s | %s | %s | %s |", name, value(j.Row, f.Median), reach(j.Row, &f), against)
			for _, e := range shown {
				d.f(" %s |", cell(&f, e))
			}
			d.f("\n")
		}
	}
	for _, note := range notes(d.table, j) {
		d.f("\n%s\n", note)
	}
	for _, command := range j.Clients {
		d.f("\n```\n%s\n```\n", command)
	}
}

// anchor is where GitHub's headings are.
func anchor(title string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(title) {
		switch {
		case c == ' ':
			b.WriteRune('-')
		case c == '-' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c > 0x7f:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// listed joins words: "a, b and c".
func listed(words []string) string {
	switch len(words) {
	case 0:
		return "nobody"
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func orUnknown(text string) string {
	if text == "" {
		return "an unknown processor"
	}
	return text
}
