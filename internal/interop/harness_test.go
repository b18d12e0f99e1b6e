package interop

import (
	"testing"

	"yushan/internal/peer"
	"yushan/internal/testzone"
)

// compareAll asks yushan and all peers.
func compareAll(t *testing.T, d *differences, zones []testzone.Zone, queries []query) {
	files := writeZones(t, zones)
	subject := peer.Start(t, peer.Knot, files...)
	wires := make([]peer.Query, len(queries))
	for i, q := range queries {
		wires[i] = q.Query
	}
	ours := peer.Ask(t.Context(), subject.Addr, wires)
	for _, kind := range peer.Kinds {
		s := peer.Start(t, kind, files...)
		for i, theirs := range peer.Ask(t.Context(), s.Addr, wires) {
			d.compare(kind, queries[i], readAnswer(ours[i]), readAnswer(theirs))
		}
	}
	d.report(t)
}
