package zone

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"yushan/zone/dname"
)

// Names that are found together are found as they are one by one, in several zones,
// of which one is empty but for its apex.
func TestFindTogether(t *testing.T) {
	zones := []*Zone{nil, loadText(t, registry(2000)), build(t, "tw.", editBase), build(t, "tw.", minimal)}
	var keys [][]byte
	for key := range zones[1].names.All() {
		keys = append(keys, bytes.Clone(key), append(bytes.Clone(key), "below\x00"...), append(bytes.Clone(key[:len(key)/2]), "-no\x00"...))
	}
	for _, name := range []string{"www.tw.", "x.ent.tw.", "below.ent.tw.", "x.redirect.tw.", "ns.own.tw.", "nope.tw."} {
		keys = append(keys, dname.AppendKey(nil, wire(name), len(zones[2].Origin())))
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		lookups := make([]Lookup, r.IntN(3*togetherMax))
		for i := range lookups {
			lookups[i] = Lookup{Zone: zones[r.IntN(len(zones))], Key: keys[r.IntN(len(keys))]}
		}
		FindTogether(lookups)
		for i, l := range lookups {
			var want Match
			if l.Zone != nil {
				want = l.Zone.Find(l.Key)
			}
			same := l.Kind == want.Kind && l.Len == want.Len && l.Node.IsZero() == want.Node.IsZero()
			if !same || !want.Node.IsZero() && !l.Node.Is(want.Node) {
				t.Fatalf("lookup %d of %d, key %q: %+v, alone %+v", i, len(lookups), l.Key, l.Match, want)
			}
		}
	}
}

func BenchmarkFindTogether(b *testing.B) {
	for _, size := range []struct {
		name        string
		delegations int
	}{{"200k", 200_000}, {"1M", 1_000_000}} {
		b.Run(size.name, func(b *testing.B) {
			z := registryZone(b, size.delegations)
			var keys [][]byte
			for key := range z.names.All() {
				keys = append(keys, bytes.Clone(key))
			}
			rand.New(rand.NewPCG(1, 1)).Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			b.Run("alone", func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					z.Find(keys[i%len(keys)])
				}
			})
			for _, n := range []int{4, 16, 64} {
				b.Run(fmt.Sprint(n), func(b *testing.B) {
					lookups := make([]Lookup, n)
					i := 0
					for b.Loop() {
						// b.Loop counts batches; one lookup in n is one of them.
						if i++; i%n == 0 {
							for k := range lookups {
								lookups[k] = Lookup{Zone: z, Key: keys[(i+k)%len(keys)]}
							}
							FindTogether(lookups)
						}
					}
				})
			}
		})
	}
}
