package interop

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

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
	compared  int
	explained map[string]map[peer.Kind]int // by rule
	examples  map[string]string            // by rule
	// unexplained differences are grouped by what they are about, so that the
	// many that one cause has don't hide another.
	unexplained map[string][]string
}

func newDifferences() *differences {
	return &differences{explained: map[string]map[peer.Kind]int{}, examples: map[string]string{}, unexplained: map[string][]string{}}
}

// compare notes the difference between two answers, if there is one, and which
// rules explain it.
func (d *differences) compare(rules []rule, c *comparison) {
	d.compared++
	before := diff(c.ours, c.theirs)
	if len(before) == 0 {
		return
	}
	c.ours, c.theirs = c.ours.clone(), c.theirs.clone()
	var helped []string
	left := before
	for _, r := range rules {
		if !slices.Contains(r.peers, c.peer) {
			continue
		}
		r.apply(c)
		if now := diff(c.ours, c.theirs); !slices.Equal(now, left) {
			helped = append(helped, r.id)
			left = now
		}
	}
	if len(left) > 0 {
		about := c.peer.String() + " " + strings.Join(shape(left), ", ")
		d.unexplained[about] = append(d.unexplained[about], describe(c, left))
		return
	}
	for _, id := range helped {
		if d.explained[id] == nil {
			d.explained[id] = map[peer.Kind]int{}
			d.examples[id] = describe(c, before)
		}
		d.explained[id][c.peer]++
	}
}

func describe(c *comparison, lines []string) string {
	const enough = 8
	if more := len(lines) - enough; more > 1 {
		lines = append(lines[:enough:enough], fmt.Sprintf("… and %d more", more))
	}
	return fmt.Sprintf("%s, query %s:\n  %s", c.peer, c.query, strings.Join(lines, "\n  "))
}

// shape leaves of a difference what many have in common.
func shape(lines []string) (shapes []string) {
	for _, l := range lines {
		f := strings.Fields(l)
		s := strings.Join(f[:2], " ")
		switch f[1] {
		case "answer:", "authority:", "additional:":
			s += " " + f[4] // the type
		case "rcode:", "flag:", "EDNS:":
			s = l
		}
		shapes = append(shapes, s)
	}
	slices.Sort(shapes)
	return slices.Compact(shapes)
}

// idle lists the rules that explained nothing.
func (d *differences) idle(rules []rule) (lines []string) {
	for _, r := range rules {
		for _, kind := range r.peers {
			if d.explained[r.id][kind] == 0 && !r.sometimes {
				lines = append(lines, fmt.Sprintf("rule %q never explained a difference of %s: strike it from the table", r.id, kind))
			}
		}
	}
	return lines
}

const maxShown = 12

// report fails the test for differences without explanation, and, when nothing
// else is amiss, for rules without difference.
func (d *differences) report(t *testing.T, rules []rule) {
	t.Helper()
	t.Logf("%d pairs of answers compared", d.compared)
	for _, r := range rules {
		if n := d.explained[r.id]; n != nil {
			t.Logf("%s: %v, such as %s", r.id, n, d.examples[r.id])
		}
	}
	abouts := slices.SortedFunc(maps.Keys(d.unexplained), func(a, b string) int { return len(d.unexplained[b]) - len(d.unexplained[a]) })
	for i, about := range abouts {
		if i == maxShown {
			t.Errorf("and %d more sorts of difference", len(abouts)-i)
			break
		}
		t.Errorf("%d differences without explanation (- is yushan, + the peer), such as %s", len(d.unexplained[about]), d.unexplained[about][0])
	}
	if !t.Failed() {
		for _, line := range d.idle(rules) {
			t.Error(line)
		}
	}
}

// TestRules makes sure that the table of differences can fail.
func TestRules(t *testing.T) {
	reply := func(rcode int, text string) *answer {
		m := new(dns.Msg).SetQuestion("a.test.", dns.TypeA)
		m.Response, m.Rcode = true, rcode
		m.Answer = []dns.RR{mustRR(text)}
		return readAnswer(peer.Reply{Wire: mustPack(m)})
	}
	c := func() *comparison {
		return &comparison{query: query{what: "a.test. A"}, peer: peer.NSD,
			ours: reply(0, "A.test. 1 A 192.0.2.1"), theirs: reply(2, "a.test. 1 A 192.0.2.1")}
	}
	forgive := rule{id: "forgive", peers: []peer.Kind{peer.NSD, peer.BIND}, apply: func(c *comparison) { c.theirs.rcode = c.ours.rcode }}
	useless := rule{id: "useless", peers: []peer.Kind{peer.NSD}, apply: func(c *comparison) {}}

	d := newDifferences()
	d.compare([]rule{useless}, c())
	if want := "nsd + rcode: SERVFAIL, - rcode: NOERROR"; len(d.unexplained[want]) != 1 {
		t.Errorf("unexplained: %v, expected %q", d.unexplained, want)
	}
	d.compare([]rule{useless, forgive}, c())
	if d.explained["forgive"][peer.NSD] != 1 || d.explained["useless"] != nil || len(d.unexplained) != 1 {
		t.Errorf("explained: %v, unexplained: %v", d.explained, d.unexplained)
	}
	if got := d.idle([]rule{useless, forgive}); len(got) != 2 || !strings.Contains(got[0], `"useless"`) || !strings.Contains(got[1], "of bind") {
		t.Errorf("idle: %v", got)
	}
}
