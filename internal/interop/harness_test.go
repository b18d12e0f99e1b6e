package interop

import (
	"fmt"
	"testing"

	"yushan/internal/peer"
	"yushan/internal/validate"
)

// service is what all servers are to serve.
type service struct {
	files      []peer.Zone
	validators map[string]*validate.Validator // by origin; nil for unsigned zones
}

// compareAll asks yushan and all peers, and yushan by TCP too. What yushan says
// of signed zones must be valid besides.
func compareAll(t *testing.T, d *differences, s service, queries []query) {
	t.Helper()
	wires := make([]peer.Query, len(queries))
	byTCP := make([]peer.Query, len(queries))
	for i, q := range queries {
		wires[i], byTCP[i] = q.Query, q.Query
		byTCP[i].TCP = true
	}
	addr := startYushan(t, s.files...)
	ours, full := readAnswers(peer.Ask(t.Context(), addr, wires)), readAnswers(peer.Ask(t.Context(), addr, byTCP))
	validateAll(t, s, queries, ours)
	for _, kind := range peer.Kinds {
		server := peer.Start(t, kind, s.files...)
		for i, theirs := range readAnswers(peer.Ask(t.Context(), server.Addr, wires)) {
			q := queries[i]
			d.compare(rules, &comparison{query: q, peer: kind, validator: validatorOf(s.validators, q.name, q.qtype),
				ours: ours[i], theirs: theirs, full: full[i]})
		}
	}
}

// validateAll judges the answers to queries with DO=1 for signed zones.
func validateAll(t *testing.T, s service, queries []query, answers []*answer) {
	t.Helper()
	valid, invalid := 0, 0
	for i, q := range queries {
		v, a := validatorOf(s.validators, q.name, q.qtype), answers[i]
		if !q.do || v == nil || a.message == nil || a.flags["TC"] {
			continue
		}
		result, err := v.Check(a.message)
		if err == nil && len(result.Unused) > 0 {
			err = fmt.Errorf("needless proof %v", result.Unused)
		}
		if err == nil {
			valid++
			continue
		}
		if invalid++; invalid <= maxShown {
			t.Errorf("query %s: %v\n%v", q, err, a.message)
		}
	}
	t.Logf("%d answers of signed zones are valid, %d are not", valid, invalid)
}
