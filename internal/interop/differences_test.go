package interop

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"yushan/internal/peer"
	"yushan/internal/validate"
)

// comparison is one query's answers by yushan and by a peer. Rules change the
// answers to what they would be without the difference that they explain.
type comparison struct {
	query
	peer         peer.Kind
	ours, theirs *answer
	full         *answer             // ours by TCP
	validator    *validate.Validator // of the zone, nil if it isn't signed
}

// rule explains one sort of difference. It may only explain what it has looked
// at: when the answers still differ after all rules, the test fails.
type rule struct {
	id    string
	peers []peer.Kind
	// why says what the peer does, and by which RFC yushan is right.
	why   string
	apply func(*comparison)
	// sometimes is for what a peer does only under load, or by chance.
	sometimes bool
}

// differences collects what a test found.
type differences struct {
	mu          sync.Mutex
	compared    int
	explained   map[string]map[peer.Kind]int // by rule
	examples    map[string]string
	unexplained []string
	kinds       map[string]int
	byShape     map[string][]string
}

const maxShown = 12

// compare notes the difference between two answers, if there is one.
func (d *differences) compare(c *comparison) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.compared++
	before := diff(c.ours, c.theirs)
	if len(before) == 0 {
		return
	}
	kind, q := c.peer, c.query
	c.ours, c.theirs = c.ours.clone(), c.theirs.clone()
	var helped []string
	left := before
	for _, r := range rules {
		if !slices.Contains(r.peers, kind) {
			continue
		}
		r.apply(c)
		if now := diff(c.ours, c.theirs); !slices.Equal(now, left) {
			helped = append(helped, r.id)
			left = now
		}
	}
	if len(left) > 0 {
		d.kinds[kind.String()+" "+strings.Join(shape(left), ", ")]++
		k := kind.String() + " " + strings.Join(shape(left), ", ")
		if d.byShape == nil {
			d.byShape = map[string][]string{}
		}
		d.byShape[k] = append(d.byShape[k], fmt.Sprintf("%s, query %s:\n  %s", kind, q, strings.Join(left, "\n  ")))
		d.unexplained = append(d.unexplained, fmt.Sprintf("%s, query %s:\n  %s", kind, q, strings.Join(left, "\n  ")))
		return
	}
	for _, id := range helped {
		if d.explained[id] == nil {
			d.explained[id] = map[peer.Kind]int{}
			d.examples[id] = fmt.Sprintf("%s, query %s:\n  %s", kind, q, strings.Join(before, "\n  "))
		}
		d.explained[id][kind]++
	}
}

// shape leaves of a difference what many have in common.
func shape(lines []string) (shapes []string) {
	for _, l := range lines {
		f := strings.Fields(l)
		s := strings.Join(f[:2], " ")
		switch f[1] {
		case "answer:", "authority:", "additional:":
			s += " " + f[5]
		case "rcode:", "flag:", "EDNS:":
			s = l
		}
		shapes = append(shapes, s)
	}
	slices.Sort(shapes)
	return slices.Compact(shapes)
}

func newDifferences() *differences {
	return &differences{explained: map[string]map[peer.Kind]int{}, examples: map[string]string{}, kinds: map[string]int{}}
}

// report fails the test for differences without explanation.
func (d *differences) report(t *testing.T) {
	t.Helper()
	t.Logf("%d answers compared", d.compared)
	if devDump != nil {
		devDump(d)
	}
	for _, r := range rules {
		if n := d.explained[r.id]; n != nil {
			t.Logf("%s: %v, such as %s", r.id, n, d.examples[r.id])
		}
	}
	if len(d.unexplained) == 0 {
		return
	}
	var kinds []string
	for k, n := range d.kinds {
		kinds = append(kinds, fmt.Sprintf("%6d × %s", n, k))
	}
	sort.Sort(sort.Reverse(sort.StringSlice(kinds)))
	t.Errorf("%d differences without explanation (- is yushan, + the peer):\n%s\n\n%s", len(d.unexplained),
		strings.Join(kinds, "\n"), strings.Join(d.unexplained[:min(maxShown, len(d.unexplained))], "\n"))
}

// merge adds what another test found.
func (d *differences) merge(other *differences) {
	for id, n := range other.explained {
		if d.explained[id] == nil {
			d.explained[id] = map[peer.Kind]int{}
		}
		for kind, k := range n {
			d.explained[id][kind] += k
		}
	}
}

// reportIdle fails the test for rows of the table that no difference needed.
func (d *differences) reportIdle(t *testing.T) {
	t.Helper()
	for _, r := range rules {
		for _, kind := range r.peers {
			if d.explained[r.id][kind] == 0 && !r.sometimes {
				t.Errorf("rule %q never explained a difference of %s: strike it from the table", r.id, kind)
			}
		}
	}
}

var devDump func(*differences)
