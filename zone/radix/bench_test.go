package radix

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"yushan/zone/arena"
)

const benchNames = 1_000_000

// names returns keys as of second-level names below a TLD, sorted: words of
// syllables with digits and hyphens, 5 to 15 characters. Only with a loaded zone's
// size do lookups cost what they cost in service.
var names = sync.OnceValue(func() [][]byte {
	syllables := []string{
		"ba", "bei", "bo", "chen", "chi", "chun", "da", "de", "dong", "er", "fa", "feng", "fu", "guo", "hai", "he", "hong", "hua", "jia", "jin",
		"kai", "ke", "lan", "li", "lin", "mei", "min", "ming", "ni", "ping", "qi", "ren", "san", "shan", "shi", "sun", "tai", "tian", "wan", "wei",
		"xin", "yi", "yu", "yuan", "zhi", "zhong", "co", "de", "ma", "net", "ser", "tech", "ta", "ter", "vi", "web", "on", "in", "er", "al",
	}
	words := []string{"shop", "hotel", "online", "group", "design", "travel", "food", "lab", "studio", "store", "media", "bike", "home", "tea", "club", "soft"}
	r := rand.New(rand.NewPCG(7, 9))
	seen := make(map[string]bool, benchNames)
	keys := make([][]byte, 0, benchNames)
	for len(keys) < benchNames {
		var k []byte
		for range 2 + r.IntN(3) {
			k = append(k, syllables[r.IntN(len(syllables))]...)
		}
		switch r.IntN(6) {
		case 0:
			k = append(k, '0'+byte(r.IntN(10)), '0'+byte(r.IntN(10)))
		case 1:
			k = append(append(k, '-'), words[r.IntN(len(words))]...)
		case 2:
			k = append(k, words[r.IntN(len(words))]...)
		}
		if len(k) < 5 || len(k) > 15 || seen[string(k)] {
			continue
		}
		seen[string(k)] = true
		keys = append(keys, append(k, 0))
	}
	slices.SortFunc(keys, slices.Compare)
	return keys
})

var benchTree = sync.OnceValue(func() Tree { return buildNames(names()) })

func buildNames(keys [][]byte) Tree {
	b := NewBuilder(arena.New())
	for i, k := range keys {
		b.Add(k, uint32(i), true)
	}
	return b.Finish()
}

// questions returns 2^16 keys in random order, each made from a name of the tree.
func questions(change func(name []byte) []byte) [][]byte {
	r := rand.New(rand.NewPCG(1, 1))
	all := names()
	out := make([][]byte, 1<<16)
	for i := range out {
		out[i] = change(slices.Clone(all[r.IntN(len(all))]))
	}
	return out
}

func benchLookup(b *testing.B, keys [][]byte, lookup func(t Tree, key []byte) bool) {
	tree := benchTree()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if !lookup(tree, keys[i&(len(keys)-1)]) {
			b.Fatalf("wrong answer for %q", keys[i&(len(keys)-1)])
		}
	}
}

func BenchmarkGetHit(b *testing.B) {
	benchLookup(b, questions(func(n []byte) []byte { return n }), func(t Tree, key []byte) bool {
		_, ok := t.Get(key)
		return ok
	})
}

func BenchmarkDescendMiss(b *testing.B) {
	keys := questions(func(n []byte) []byte { return append(n[:len(n)-1], "zq\x00"...) })
	benchLookup(b, keys, func(t Tree, key []byte) bool { return !t.Descend(key).Found })
}

func BenchmarkDescendBelowStop(b *testing.B) {
	keys := questions(func(n []byte) []byte { return append(n, "www\x00"...) })
	benchLookup(b, keys, func(t Tree, key []byte) bool { return t.Descend(key).Stop })
}

func BenchmarkFloor(b *testing.B) {
	buf := make([]byte, 0, MaxKey)
	keys := questions(func(n []byte) []byte { return append(n[:len(n)-1], "aq\x00"...) })
	benchLookup(b, keys, func(t Tree, key []byte) bool {
		_, _, ok := t.Floor(key, buf)
		return ok
	})
}

// BenchmarkBuild also reports what a name costs in memory.
func BenchmarkBuild(b *testing.B) {
	keys := names()
	var tree Tree
	for b.Loop() {
		tree = buildNames(keys)
	}
	var text int
	for _, k := range keys {
		text += len(k)
	}
	n := float64(len(keys))
	b.ReportMetric(float64(tree.Bytes())/n, "bytes/name")
	b.ReportMetric(float64(text)/n, "keybytes/name")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/name")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkCommitOne(b *testing.B) {
	keys := questions(func(n []byte) []byte { return append(n[:len(n)-1], "zq\x00"...) })
	tree := buildNames(names())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		x := tree.Edit()
		x.Set(keys[i&(len(keys)-1)], uint32(i), true)
		x.Commit()
	}
}

func BenchmarkAll(b *testing.B) {
	tree := benchTree()
	for b.Loop() {
		n := 0
		for range tree.All() {
			n++
		}
		if n != tree.Len() {
			b.Fatalf("%d entries of %d", n, tree.Len())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(tree.Len()), "ns/name")
	b.ReportMetric(0, "ns/op")
}
