package interop

import (
	"math/rand/v2"
	"testing"

	"yushan/internal/peer"
)

func TestSideBySide(t *testing.T) {
	peer.Require(t, peer.Kinds...)
	all := newDifferences()
	zones := featureZones(t)
	r := rand.New(rand.NewPCG(1, 2))
	var queries []query
	for _, z := range zones {
		queries = append(queries, questionsAbout(r, z)...)
		queries = append(queries, malformed(z.Origin)...)
	}
	compareAll(t, all, zones, queries)
}
