package query

import (
	"bytes"
	"fmt"

	"yushan/bench/zonefile"
	"yushan/zone/dname"
)

// tries is how often a name is made anew that turns out to be of another kind. What
// is rarer than that in a zone can't be drawn evenly from it anyway.
const tries = 1000

// prefixes are first labels of names that people and mail servers look up below a
// registered name; the empty one, which stands for itself, is the most frequent.
var prefixes = [...]string{"", "", "", "www", "www", "www", "mail", "api", "cdn", "ns1", "_dmarc", "autodiscover"}

// below makes a name at or below a delegation.
func (d *drawer) below(cut []byte) []byte {
	prefix := prefixes[d.random.IntN(len(prefixes))]
	if prefix == "" || 1+len(prefix)+len(cut) > dname.MaxWire {
		return cut
	}
	d.name = append(append(append(d.name[:0], byte(len(prefix))), prefix...), cut...)
	return d.name
}

// parent draws a name under which new ones may be: the parent of a delegation, so
// that "com.tw" comes as often as names are registered there; or else the apex.
func (d *drawer) parent() []byte {
	if len(d.parents.names) == 0 {
		return d.zone.Origin()
	}
	parent := dname.Parent(d.parents.next())
	if len(parent)+1+dname.MaxLabel > dname.MaxWire {
		return d.zone.Origin()
	}
	return parent
}

// compose makes a name with a random label of n letters and figures, a letter first.
func (d *drawer) compose(n int, parent []byte) []byte {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	d.name = append(d.name[:0], byte(n))
	d.name = append(d.name, letters[d.random.IntN(26)])
	for range n - 1 {
		d.name = append(d.name, letters[d.random.IntN(len(letters))])
	}
	d.name = append(d.name, parent...)
	return d.name
}

// missing makes a name that doesn't exist.
func (d *drawer) missing() ([]byte, error) {
	for range tries {
		var name []byte
		if len(d.near.names) > 0 && d.random.IntN(2) == 0 {
			name = d.misspell(d.near.next())
		}
		if name == nil {
			name = d.compose(6+d.random.IntN(9), d.parent())
		}
		if len(name) <= dname.MaxWire && d.zone.Lookup(name).Kind == zonefile.Nothing {
			return name, nil
		}
	}
	return nil, fmt.Errorf("found no name in zone %s that doesn't exist (does a wildcard stand in for all?)",
		dname.String(d.zone.Origin()))
}

// misspell makes a name of another one with a mistake in its first label; nil if
// that is an A-label, which would decode to nonsense.
func (d *drawer) misspell(name []byte) []byte {
	length := int(name[0])
	if length < 3 || bytes.HasPrefix(name[1:], []byte("xn--")) {
		return nil
	}
	d.name = append(d.name[:0], name...)
	label := d.name[1 : 1+length]
	i := d.random.IntN(length - 1)
	letter := byte('a' + d.random.IntN(26))
	switch d.random.IntN(4) {
	case 0: // another letter
		label[i] = letter
	case 1: // two letters in the wrong order
		label[i], label[i+1] = label[i+1], label[i]
	case 2: // one too few
		d.name = append(d.name[:1+i], d.name[2+i:]...)
		d.name[0]--
	case 3: // one too many
		if length < dname.MaxLabel {
			d.name = append(d.name[:1+i], append([]byte{letter}, d.name[1+i:]...)...)
			d.name[0]++
		}
	}
	return d.name
}

// covered makes a name that a wildcard stands in for, with a type that it has.
func (d *drawer) covered() (name []byte, qtype uint16, err error) {
	for range tries {
		wildcard := d.wildcards.next()
		encloser := dname.Parent(wildcard)
		if len(encloser)+1+randomLength > dname.MaxWire {
			continue
		}
		name = d.compose(randomLength, encloser)
		place := d.zone.Lookup(name)
		if place.Kind == zonefile.Wildcard && bytes.Equal(place.Node.Name(), wildcard) {
			return name, d.one(askable(place.Node)), nil
		}
	}
	return nil, 0, fmt.Errorf("found no name in zone %s that a wildcard stands in for",
		dname.String(d.zone.Origin()))
}
