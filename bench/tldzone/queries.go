package tldzone

import (
	"bufio"
	"errors"
	"io"
	"strconv"
)

// Mix is how queries are divided, in parts of their sum.
type Mix struct {
	Referral int // a name at or below a delegation
	NXDomain int // a name that does not exist
	Apex     int // SOA, NS, DNSKEY, MX of the zone itself
	DS       int // at a delegation
}

// TLD is what name servers of a registry are asked: measured anchors of this
// project use it.
var TLD = Mix{Referral: 60, NXDomain: 30, Apex: 10}

var (
	queryTypes = []string{"A", "AAAA", "A", "NS", "MX", "TXT"}
	apexTypes  = []string{"SOA", "NS", "DNSKEY", "MX"}
	below      = []string{"", "www.", "", "mail.", "_dmarc."}
)

// WriteQueries writes n queries in the format of dnsperf: a name and a type on
// a line. All delegations are asked for equally often, which is the hard case for caches. Half of
// the names that do not exist are below a second-level category.
func (z Zone) WriteQueries(w io.Writer, n int, mix Mix) error {
	z, err := z.complete()
	if err != nil {
		return err
	}
	total := mix.Referral + mix.NXDomain + mix.Apex + mix.DS
	if min(mix.Referral, mix.NXDomain, mix.Apex, mix.DS) < 0 || total == 0 {
		return errors.New("queries for a synthetic zone: the mix must have parts, and none may be negative")
	}
	if z.Delegations == 0 && mix.Referral+mix.DS > 0 {
		return errors.New("queries for a synthetic zone: it has no delegations to ask for")
	}
	origin := "." + z.Origin
	if z.Origin == "." {
		origin = "."
	}
	out := bufio.NewWriterSize(w, 1<<18)
	d := newDraw(z.Seed, 0, forQueries)
	var line []byte
	for range n {
		line = line[:0]
		kind := d.below(total)
		qtype := queryTypes[d.below(len(queryTypes))]
		switch {
		case kind < mix.Referral:
			line = append(line, below[d.below(len(below))]...)
			line = append(z.appendName(line, d.below(z.Delegations)), origin...)
		case kind < mix.Referral+mix.NXDomain:
			line = append(line, syllables[d.below(len(syllables))]...)
			line = strconv.AppendUint(line, d.next()>>32, 16)
			line = append(line, "-no"...) // which no name ends with
			if d.below(2) == 0 {
				line = append(append(line, '.'), d.category()...)
			}
			line = append(line, origin...)
		case kind < mix.Referral+mix.NXDomain+mix.Apex:
			line = append(line, z.Origin...)
			qtype = apexTypes[d.below(len(apexTypes))]
		default:
			line = append(z.appendName(line, d.below(z.Delegations)), origin...)
			qtype = "DS"
		}
		line = append(append(append(line, ' '), qtype...), '\n')
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}
