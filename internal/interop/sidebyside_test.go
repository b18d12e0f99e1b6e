package interop

import (
	"math/rand/v2"
	"testing"
	"time"

	"yushan/internal/peer"
	"yushan/internal/testzone"
)

// TestSideBySide compares yushan with all peers. With -v it shows an example of
// each difference that the table explains.
func TestSideBySide(t *testing.T) {
	peer.Require(t, peer.Kinds...)
	found := newDifferences()
	t.Run("features", func(t *testing.T) {
		zones := featureZones(t)
		r := rand.New(rand.NewPCG(1, 2))
		var queries []query
		for _, z := range zones {
			queries = append(queries, questionsAbout(r, z)...)
			queries = append(queries, pinned(z.Origin)...)
		}
		queries = append(queries, malformed(zones[0].Origin)...)
		queries = append(queries, malformed(zones[2].Origin)...)
		s := service{files: writeZones(t, zones), validators: validatorsFor(zones, time.Now())}
		compareAll(t, found, s, queries)
	})
	t.Run("lab", func(t *testing.T) {
		zones, queries := labZones(t)
		r := rand.New(rand.NewPCG(6, 7))
		for _, z := range zones {
			queries = append(queries, questionsAbout(r, z)...)
		}
		s := service{files: writeZones(t, zones), validators: validatorsFor(zones, time.Now())}
		compareAll(t, found, s, queries)
	})
	t.Run("root", func(t *testing.T) {
		file := peer.TestData(t, "root.zone")
		root := readZone(t, ".", file)
		s := service{
			files:      []peer.Zone{{Origin: ".", File: file}},
			validators: validatorsFor([]testzone.Zone{root}, rootTime),
		}
		r := rand.New(rand.NewPCG(4, 5))
		var queries []query
		for _, q := range rootQuestions(root) {
			if r.IntN(6) == 0 {
				queries = append(queries, randomQuery(r, q.name, q.qtype))
			}
		}
		for _, qtype := range someTypes {
			queries = append(queries, randomQuery(r, ".", qtype))
		}
		compareAll(t, found, s, queries)
	})
	found.report(t, rules)
}
