package doq

import (
	"net/netip"
	"testing"

	"yushan/internal/testengine"
)

// TestAnswerAllocatesNothing takes a query the way from bytes to bytes, which is all
// that isn't the library's.
func TestAnswerAllocatesNothing(t *testing.T) {
	s := &Server{engine: testengine.New(t)}
	s.limits, _ = Limits{}.withDefaults()
	s.workspaces.init(s.limits.MaxQueryBytes)
	c := &conn{server: s, client: netip.MustParseAddrPort("192.0.2.1:5353")}
	sent := frame(doqQuery(t, 1))
	answered := 0
	allocs := testing.AllocsPerRun(1000, func() {
		w := s.workspaces.take(7)
		message, v := judge(w.in[:copy(w.in, sent)], true, s.limits.MaxQueryBytes)
		if v == complete {
			w.req.Wire, w.req.Client = message, c.client
			if c.ask(w) > len(message) {
				answered++
			}
		}
		s.workspaces.giveBack(7, w)
	})
	if allocs != 0 || answered != 1001 {
		t.Errorf("%v allocations a query, %d of 1001 answered", allocs, answered)
	}
}

// TestWorkspaces lends more than there are, to those who give them back.
func TestWorkspaces(t *testing.T) {
	var p workspaces
	p.init(512)
	var lent []*workspace
	for hint := range p.slots {
		lent = append(lent, p.take(hint))
	}
	waiting := make(chan *workspace)
	go func() { waiting <- p.take(3) }()
	select {
	case <-waiting:
		t.Fatalf("workspace %d of %d was lent", len(lent)+1, len(p.slots))
	default:
	}
	p.giveBack(5, lent[0])
	if got := <-waiting; got != lent[0] {
		t.Errorf("another workspace than the one that was given back")
	}
}
