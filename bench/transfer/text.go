package transfer

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"yushan/bench/report/units"
)

// WriteText writes r for people.
func (r *Result) WriteText(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "AXFR of %s from %s over %s", r.Zone, r.Server, map[string]string{"tcp": "TCP", "tls": "TLS"}[r.Transport])
	if r.Key != "" {
		fmt.Fprintf(&b, ", TSIG %s", r.Key)
	}
	fmt.Fprintf(&b, "\n%s, %d at once, in %s", transfers(len(r.Transfers)), r.Concurrency, units.Span(r.Seconds))
	if r.Interrupted {
		b.WriteString(", interrupted")
	}
	b.WriteString("\n")
	if list := r.completed(); len(list) > 0 {
		r.contents(&b, list)
		r.times(&b, list)
	}
	r.failures(&b)
	for i, limit := range r.Limits {
		if i == 0 {
			b.WriteString("\nThese times are not the server's alone:\n")
		}
		fmt.Fprintf(&b, "  %s\n", limit)
	}
	_, err := b.WriteTo(w)
	return err
}

func transfers(n int) string {
	if n == 1 {
		return "1 transfer"
	}
	return units.Count(uint64(n)) + " transfers"
}

// contents says what was transferred: a line for each zone that was seen.
func (r *Result) contents(b *bytes.Buffer, list []*Transfer) {
	type content struct {
		serial            uint32
		records, messages uint64
		bytes             uint64
	}
	var seen []content
	count := map[content]int{}
	for _, t := range list {
		c := content{t.Serial, t.Records, t.Messages, t.Bytes}
		if count[c] == 0 {
			seen = append(seen, c)
		}
		count[c]++
	}
	const most = 5
	for i, c := range seen {
		if i == most {
			fmt.Fprintf(b, "… and %d more\n", len(seen)-most)
			break
		}
		fmt.Fprintf(b, "serial %d: %s records in %s messages, %s", c.serial, units.Count(c.records), units.Count(c.messages), units.Bytes(c.bytes))
		if len(seen) > 1 {
			fmt.Fprintf(b, " (%s)", transfers(count[c]))
		}
		b.WriteString("\n")
	}
	// One serial is one zone (RFC 1982): messages may be cut in other places.
	records := map[uint32]uint64{}
	for _, c := range seen {
		if n, known := records[c.serial]; known && n != c.records {
			fmt.Fprintf(b, "the zone of serial %d had different numbers of records\n", c.serial)
			break
		}
		records[c.serial] = c.records
	}
}

func (r *Result) times(b *bytes.Buffer, list []*Transfer) {
	const row = "%-20s %12s %12s %12s\n"
	fmt.Fprintf(b, "\n"+row, "", "least", "median", "most")
	for _, line := range []struct {
		name string
		of   func(*Transfer) time.Duration
	}{
		{"connected after", func(t *Transfer) time.Duration { return time.Duration(t.Connect) }},
		{"first message after", func(t *Transfer) time.Duration { return time.Duration(t.First) }},
		{"whole after", func(t *Transfer) time.Duration { return time.Duration(t.Whole) }},
	} {
		s := spreadOf(list, line.of)
		fmt.Fprintf(b, row, line.name, units.Duration(s.min), units.Duration(s.median), units.Duration(s.max))
	}
	records := spreadOf(list, func(t *Transfer) float64 { return float64(t.Records) / seconds(t) })
	fmt.Fprintf(b, row, "records per second", units.Rate(records.min), units.Rate(records.median), units.Rate(records.max))
	bytes := spreadOf(list, func(t *Transfer) float64 { return float64(t.Bytes) / seconds(t) })
	size := func(rate float64) string { return units.Bytes(uint64(rate)) }
	fmt.Fprintf(b, row, "per second", size(bytes.min), size(bytes.median), size(bytes.max))
	if len(list) > 1 && r.Seconds > 0 {
		var all float64
		for _, t := range list {
			all += float64(t.Records)
		}
		fmt.Fprintf(b, "all together: %s records per second\n", units.Rate(all/r.Seconds))
	}
}

// seconds is how long a transfer took, and never 0.
func seconds(t *Transfer) float64 { return max(time.Duration(t.Whole).Seconds(), 1e-9) }

// failures counts errors, the most frequent first.
func (r *Result) failures(b *bytes.Buffer) {
	failed := r.Failed()
	if failed == 0 {
		return
	}
	count := map[string]int{}
	var texts []string
	for i := range r.Transfers {
		if text := r.Transfers[i].Error; text != "" {
			if count[text] == 0 {
				texts = append(texts, text)
			}
			count[text]++
		}
	}
	slices.SortStableFunc(texts, func(x, y string) int { return count[y] - count[x] })
	fmt.Fprintf(b, "\n%d of %s failed:\n", failed, transfers(len(r.Transfers)))
	for _, text := range texts {
		fmt.Fprintf(b, "  %d × %s\n", count[text], text)
	}
}
