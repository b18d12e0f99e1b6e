package query

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Part is a kind of query that can be drawn from a zone.
type Part uint8

const (
	Referral Part = iota // for names at and below delegations
	DS                   // for the DS records of delegations that have some
	NoDS                 // for those of delegations that have none
	Apex                 // for what the zone's own name has
	Positive             // for what other names of the zone have
	NoData               // for types that existing names don't have
	Wildcard             // for names that a wildcard stands in for
	NXDomain             // for names that don't exist
	Random               // for a name that doesn't exist, another one whenever it is sent
	parts
)

var partNames = [parts]string{"referral", "ds", "nods", "apex", "positive", "nodata", "wildcard", "nxdomain", "random"}

func (p Part) String() string { return partNames[p] }

// Mix is the weight of each part, 0 or more, by which queries are drawn; only their
// proportions count. As text it is "referral=60,nxdomain=30".
type Mix [parts]float64

// DefaultMix can be drawn from every zone that delegates.
var DefaultMix = Mix{Referral: 60, NXDomain: 30, Apex: 10}

func (m Mix) String() string { return string(m.append(nil)) }

// MarshalText writes the parts that have a weight.
func (m Mix) MarshalText() ([]byte, error) { return m.append(nil), nil }

func (m *Mix) append(dst []byte) []byte {
	for p, weight := range m {
		if weight == 0 {
			continue
		}
		if len(dst) > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, partNames[p]+"="...)
		dst = strconv.AppendFloat(dst, weight, 'g', -1, 64)
	}
	return dst
}

// ParseMix reads a mix.
func ParseMix(text string) (Mix, error) {
	var m Mix
	return m, m.UnmarshalText([]byte(text))
}

// UnmarshalText is ParseMix. On errors the mix stays as it was.
func (m *Mix) UnmarshalText(text []byte) error {
	var mix Mix
	var given [parts]bool
	for item := range strings.SplitSeq(string(text), ",") {
		name, number, found := strings.Cut(strings.TrimSpace(item), "=")
		if !found {
			return fmt.Errorf("mix: %q: expected NAME=WEIGHT, as in %q", item, DefaultMix)
		}
		p := partNamed(strings.TrimSpace(name))
		if p == parts {
			return fmt.Errorf("mix: %q: expected one of %s", name, strings.Join(partNames[:], ", "))
		}
		if given[p] {
			return fmt.Errorf("mix: %q is given twice", name)
		}
		given[p] = true
		weight, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(weight >= 0) || math.IsInf(weight, 1) {
			return fmt.Errorf("mix: %s: %q: expected a number that is 0 or more", name, number)
		}
		mix[p] = weight
	}
	if err := mix.validate(); err != nil {
		return err
	}
	*m = mix
	return nil
}

func partNamed(name string) Part {
	for p, known := range partNames {
		if strings.EqualFold(name, known) {
			return Part(p)
		}
	}
	return parts
}

// validate checks what a mix that was not read from text could have, too.
func (m *Mix) validate() error {
	var sum float64
	for p, weight := range m {
		if !(weight >= 0) || math.IsInf(weight, 1) {
			return fmt.Errorf("mix: %s: weight %v: expected 0 or more", Part(p), weight)
		}
		sum += weight
	}
	if sum == 0 || math.IsInf(sum, 1) {
		return fmt.Errorf("mix: the weights sum up to %v", sum)
	}
	return nil
}

// deal divides n queries among the parts by their weights, so that each part with a
// weight has at least one, if n is large enough for that.
func (m *Mix) deal(n int) (counts [parts]int) {
	var sum float64
	for _, weight := range m {
		sum += weight
	}
	left := n
	var rests [parts]float64
	for p, weight := range m {
		if weight == 0 {
			rests[p] = math.Inf(-1)
			continue
		}
		share := weight / sum * float64(n)
		counts[p] = min(int(share), left)
		rests[p] = share - float64(counts[p])
		left -= counts[p]
		if counts[p] == 0 {
			rests[p] += 1 // comes first
		}
	}
	for ; left > 0; left-- {
		best := 0
		for p := range rests {
			if rests[p] > rests[best] {
				best = p
			}
		}
		counts[best]++
		rests[best]--
	}
	// What has none takes one from the largest.
	for p, weight := range m {
		if weight == 0 || counts[p] > 0 {
			continue
		}
		largest := 0
		for q := range counts {
			if counts[q] > counts[largest] {
				largest = q
			}
		}
		if counts[largest] > 1 {
			counts[largest]--
			counts[p]++
		}
	}
	return counts
}
