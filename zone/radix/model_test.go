package radix

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"yushan/zone/arena"
)

// A model is what a tree should be: slow and plain.
type model map[string]Entry

func (m model) sorted() []string { return slices.Sorted(maps.Keys(m)) }

func (m model) build(a *arena.Arena) Tree {
	b := NewBuilder(a)
	for _, k := range m.sorted() {
		b.Add([]byte(k), m[k].Value, m[k].Stop)
	}
	return b.Finish()
}

// descend is told those keys that may share most with key.
func (m model) descend(key string, keys []string) Match {
	for i := range len(key) + 1 {
		if e, ok := m[key[:i]]; ok && (e.Stop || i == len(key)) {
			return Match{i, e.Value, true, e.Stop}
		}
	}
	var longest int
	for _, k := range keys {
		longest = max(longest, common([]byte(k), []byte(key)))
	}
	return Match{Len: longest}
}

// compare returns what is different between the tree and the model, asking for
// the model's keys, keys near them and those given.
func (m model) compare(t Tree, more ...string) error {
	if t.Len() != len(m) {
		return fmt.Errorf("Len() = %d, want %d", t.Len(), len(m))
	}
	keys := m.sorted()
	if err := m.compareSeq(t, "", keys); err != nil {
		return err
	}
	if err := comparePlaces(t); err != nil {
		return err
	}
	asked := append([]string{""}, more...)
	for _, k := range keys {
		asked = append(asked, k, k+"\x00", k+"\xff", k[:len(k)/2])
		if k != "" {
			last := k[len(k)-1]
			asked = append(asked, k[:len(k)-1], k[:len(k)-1]+string([]byte{last - 1}), k[:len(k)-1]+string([]byte{last + 1}))
		}
	}
	buf := make([]byte, 0, MaxKey)
	for _, k := range asked {
		e, has := m[k]
		if v, ok := t.Get([]byte(k)); ok != has || has && v != e.Value {
			return fmt.Errorf("Get(%q) = %d, %v; want %d, %v", k, v, ok, e.Value, has)
		}
		if p, ok := t.Locate([]byte(k)); ok != has || p.Entry != e {
			return fmt.Errorf("Locate(%q) = %+v, %v; want %+v, %v", k, p, ok, e, has)
		}
		i, found := slices.BinarySearch(keys, k)
		// The keys that share most with k are those beside it.
		if got, want := t.Descend([]byte(k)), m.descend(k, keys[max(i-1, 0):min(i+1, len(keys))]); got != want {
			return fmt.Errorf("Descend(%q) = %+v, want %+v", k, got, want)
		} else if stepped := walk(&t, []byte(k)); stepped != got {
			return fmt.Errorf("Descend(%q) step by step = %+v, want %+v", k, stepped, got)
		}
		if found {
			i++
		}
		floor, v, ok := t.Floor([]byte(k), buf)
		if ok != (i > 0) || ok && (string(floor) != keys[i-1] || v != m[keys[i-1]].Value) {
			return fmt.Errorf("Floor(%q) = %q, %d, %v; want %q", k, floor, v, ok, keys[max(i-1, 0):i])
		}
	}
	for _, p := range asked[:min(len(asked), 60)] {
		first, _ := slices.BinarySearch(keys, p)
		rest := keys[first:]
		for k, e := range t.From([]byte(p)) {
			if len(rest) == 0 || rest[0] != string(k) || m[rest[0]] != e {
				return fmt.Errorf("From(%q) yields %q, %v; want the first of %q", p, k, e, rest)
			}
			rest = rest[1:]
		}
		if len(rest) > 0 {
			return fmt.Errorf("From(%q) lacks %q", p, rest)
		}
		from, _ := slices.BinarySearch(keys, p)
		to := from
		for to < len(keys) && strings.HasPrefix(keys[to], p) {
			to++
		}
		if err := m.compareSeq(t, p, keys[from:to]); err != nil {
			return err
		}
	}
	first, v, ok := t.First(buf)
	if ok != (len(keys) > 0) || ok && (string(first) != keys[0] || v != m[keys[0]].Value) {
		return fmt.Errorf("First() = %q, %d, %v", first, v, ok)
	}
	last, v, ok := t.Last(buf)
	if ok != (len(keys) > 0) || ok && (string(last) != keys[len(keys)-1] || v != m[keys[len(keys)-1]].Value) {
		return fmt.Errorf("Last() = %q, %d, %v", last, v, ok)
	}
	return check(t)
}

func (m model) compareSeq(t Tree, prefix string, want []string) error {
	i := 0
	for k, e := range t.Prefix([]byte(prefix)) {
		if i == len(want) {
			return fmt.Errorf("Prefix(%q) goes on with %q after %d entries", prefix, k, i)
		}
		if string(k) != want[i] || e != m[want[i]] {
			return fmt.Errorf("Prefix(%q): entry %d is %q %+v, want %q %+v", prefix, i, k, e, want[i], m[want[i]])
		}
		i++
	}
	if i != len(want) {
		return fmt.Errorf("Prefix(%q) ends after %d entries of %d", prefix, i, len(want))
	}
	return nil
}

// check returns which invariant of node.go the tree breaks.
func check(t Tree) error {
	var entries int
	var size int64
	var walk func(off arena.Offset, depth int) error
	walk = func(off arena.Offset, depth int) error {
		d := decode(t.view.At(off))
		h := t.view.At(off)[0]
		depth += len(d.prefix)
		size += int64(d.size)
		if d.hasEntry {
			entries++
		}
		if d.twig.count > 0 {
			entries += d.twig.count
			return checkTwig(off, d.twig, depth)
		}
		least := 2
		if d.hasEntry {
			least = 0
		}
		if h&flagLeaf == 0 {
			least = max(1, least)
		}
		var far arena.Offset
		for i, edge := range d.edges {
			c := d.child(off, i)
			if i > 0 && d.edges[i-1] >= edge {
				return fmt.Errorf("invariant 2: node %d has edges %q", off, d.edges)
			}
			if c >= off {
				return fmt.Errorf("invariant 4: node %d has a child at %d", off, c)
			}
			far = max(far, off-c)
			if err := walk(c, depth+1); err != nil {
				return err
			}
		}
		switch {
		case len(d.edges) < least:
			return fmt.Errorf("invariant 1: node %d has %d children, entry: %v", off, len(d.edges), d.hasEntry)
		case h&flagStop != 0 && !d.hasEntry:
			return fmt.Errorf("invariant 3: node %d has Stop and no entry", off)
		case d.width > 1 && far>>(8*(d.width-1)) == 0:
			return fmt.Errorf("invariant 5: node %d has links of %d bytes for a distance of %d", off, d.width, far)
		case depth > MaxKey:
			return fmt.Errorf("node %d is at depth %d", off, depth)
		}
		return nil
	}
	if t.root != 0 {
		if err := walk(t.root, 0); err != nil {
			return err
		}
	}
	if entries != t.Len() {
		return fmt.Errorf("Len() = %d, but there are %d entries", t.Len(), entries)
	}
	if size != t.Bytes() {
		return fmt.Errorf("Bytes() = %d, but nodes take %d", t.Bytes(), size)
	}
	return nil
}

func checkTwig(off arena.Offset, w twig, depth int) error {
	if w.count < 2 || w.count > twigMax {
		return fmt.Errorf("invariant 8: twig %d has %d entries", off, w.count)
	}
	var last []byte
	firsts := map[byte]bool{}
	for i := range w.count {
		suffix := w.appendSuffix(nil, i)
		if i > 0 && bytes.Compare(last, suffix) >= 0 {
			return fmt.Errorf("invariant 2: twig %d has %q before %q", off, last, suffix)
		}
		if len(suffix) == 0 || i > 0 && bytes.HasPrefix(suffix, last) {
			return fmt.Errorf("invariant 8: twig %d has %q and %q", off, last, suffix)
		}
		if depth+len(suffix) > MaxKey {
			return fmt.Errorf("twig %d has a key of %d bytes", off, depth+len(suffix))
		}
		last = suffix
		firsts[suffix[0]] = true
	}
	if len(firsts) < 2 {
		return fmt.Errorf("twig %d has a prefix that is too short", off)
	}
	return nil
}

// shape writes out all nodes but not where they are, so that trees can be compared.
func shape(t Tree) string {
	var out bytes.Buffer
	var walk func(off arena.Offset, indent string)
	walk = func(off arena.Offset, indent string) {
		d := decode(t.view.At(off))
		fmt.Fprintf(&out, "%s%q %v %+v %q\n", indent, d.prefix, d.hasEntry, d.entry, d.edges)
		for i := range d.twig.count {
			fmt.Fprintf(&out, "%s %q %+v\n", indent, d.twig.appendSuffix(nil, i), d.twig.entry(i))
		}
		for i := range d.edges {
			walk(d.child(off, i), indent+" ")
		}
	}
	if t.root != 0 {
		walk(t.root, "")
	}
	return out.String()
}

// comparePlaces returns what is wrong with the places of t's entries: each holds
// the value, shares no byte with another, and is found by key too.
func comparePlaces(t Tree) error {
	var keys []string
	taken := map[uint64]string{}
	for k, p := range t.Places() {
		keys = append(keys, string(k))
		at := t.view.At(arena.Offset(p.Place / arena.Unit))[p.Place%arena.Unit:]
		if v := binary.LittleEndian.Uint32(at); v != p.Value {
			return fmt.Errorf("at the place of %q is %d, want %d", k, v, p.Value)
		}
		for i := range uint64(4) {
			if other, ok := taken[p.Place+i]; ok {
				return fmt.Errorf("the places of %q and %q overlap", k, other)
			}
			taken[p.Place+i] = string(k)
		}
		if q, ok := t.Locate(k); !ok || q != p {
			return fmt.Errorf("Locate(%q) = %+v, %v; Places says %+v", k, q, ok, p)
		}
	}
	i := 0
	for k := range t.All() {
		if i >= len(keys) || keys[i] != string(k) {
			return fmt.Errorf("Places lacks %q", k)
		}
		i++
	}
	if i < len(keys) {
		return fmt.Errorf("Places has %q, which is not there", keys[i])
	}
	for range t.Places() {
		break // a step that ends the iteration must not be followed by another
	}
	return nil
}

// walk is Descend step by step.
func walk(t *Tree, key []byte) Match {
	for s := t.Start(); ; {
		if m, done := t.Step(&s, key); done {
			return m
		}
	}
}
