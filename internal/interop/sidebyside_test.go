package interop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
	"yushan/internal/testzone"
)

// TestSideBySide compares yushan with all peers. What it logs of a run is the
// evidence for each row of the table.
func TestSideBySide(t *testing.T) {
	peer.Require(t, peer.Kinds...)
	found := newDifferences()
	complete := true // each of the parts has run
	t.Run("features", func(t *testing.T) {
		zones := featureZones(t)
		r := rand.New(rand.NewPCG(1, 2))
		var queries []query
		for _, z := range zones {
			queries = append(queries, questionsAbout(r, z)...)
		}
		queries = append(queries, malformed(zones[0].Origin)...)
		queries = append(queries, malformed(zones[2].Origin)...)
		compareAll(t, found, serve(t, zones), queries)
	})
	for seed := range uint64(randomSeeds) {
		t.Run(fmt.Sprintf("random-%d", seed), func(t *testing.T) {
			zones, err := testzone.SignAll(t.Context(), testzone.Generate(seed))
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(seed, 3))
			var queries []query
			for _, z := range zones {
				queries = append(queries, questionsAbout(r, z)...)
			}
			compareAll(t, found, serve(t, zones), queries)
		})
	}
	complete = t.Run("root", func(t *testing.T) {
		file := rootFile(t)
		root := readZone(t, ".", file)
		s := service{files: []peer.Zone{{Origin: ".", File: file}}, validators: validatorsFor([]testzone.Zone{root}, rootTime)}
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
	}) && os.Getenv("YUSHAN_TESTDATA") != ""
	found.report(t)
	if complete {
		found.reportIdle(t)
	}
	_ = dns.TypeA
}

const randomSeeds = 6
