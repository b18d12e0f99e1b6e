package zonefile

import (
	"bytes"
	"iter"

	"yushan/zone/dname"
)

// Zone is the content of a master file.
type Zone struct {
	origin  []byte
	shards  []shard
	records int
	ignored int
}

// Origin returns the name of the zone's apex, in wire format and lower case. It must
// not be written to.
func (z *Zone) Origin() []byte { return z.origin }

// Records is how many there are in the zone, without duplicates and without those that
// are not below its apex.
func (z *Zone) Records() int { return z.records }

// Ignored is how many records of the file aren't at or below the apex; servers don't
// load them either.
func (z *Zone) Ignored() int { return z.ignored }

// Nodes are the names of the zone: owners of records, with those below cuts, and empty
// non-terminals. Their order depends on nothing but the names.
func (z *Zone) Nodes() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for i := range z.shards {
			for at := 0; at < len(z.shards[i].sealed); {
				node := z.shards[i].node(i, at)
				if !yield(node) {
					return
				}
				at += node.size()
			}
		}
	}
}

// Node returns what the file says about a name, in any case; the zero Node if there is
// nothing.
func (z *Zone) Node(name []byte) Node {
	var lower [dname.MaxWire]byte
	return z.node(dname.AppendLower(lower[:0], name))
}

// node is Node for names in lower case.
func (z *Zone) node(name []byte) Node {
	hash := hashName(name)
	number := shardOf(hash)
	s := &z.shards[number]
	mask := uint64(len(s.index) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		at := s.index[i]
		if at == 0 {
			return Node{}
		}
		node := s.node(number, int(at-1))
		if bytes.Equal(node.Name(), name) {
			return node
		}
	}
}

// Kind is what answers for a name.
type Kind uint8

const (
	Exact       Kind = iota // the node itself, which may be an empty non-terminal
	Delegated               // a cut, which is the name or lies above it
	Substituted             // a DNAME above it (RFC 6672)
	Wildcard                // a wildcard stands in for it (RFC 4592)
	Nothing                 // it doesn't exist
)

// Place is where a name lies in a zone (RFC 1034 §4.3.2 step 3).
type Place struct {
	Kind Kind
	// Node is what answers: the node itself, the cut, the owner of the DNAME, the
	// wildcard. Of Nothing it is the zero Node.
	Node Node
	// Encloser is the closest name above that exists; of Wildcard and Nothing only.
	Encloser Node
}

// Lookup finds where a name at or below the apex lies. A name below a cut is found at
// the cut that is nearest to the apex.
func (z *Zone) Lookup(name []byte) Place {
	var buf [dname.MaxWire]byte
	lower := dname.AppendLower(buf[:0], name)
	var starts [dname.MaxLabels + 1]uint8 // of the labels below the apex
	labels := 0
	for at := 0; at < len(lower)-len(z.origin); at += 1 + int(lower[at]) {
		starts[labels] = uint8(at)
		labels++
	}
	encloser := z.node(z.origin)
	for i := labels; ; i-- {
		if i == 0 {
			return Place{Kind: Exact, Node: encloser}
		}
		if encloser.Has(typeDNAME) {
			return Place{Kind: Substituted, Node: encloser}
		}
		node := z.node(lower[starts[i-1]:])
		if node.IsZero() || node.Hash() {
			break
		}
		if node.Cut() {
			return Place{Kind: Delegated, Node: node}
		}
		encloser = node
	}
	var wildcard [dname.MaxWire + 2]byte
	star := append(append(wildcard[:0], 1, '*'), encloser.Name()...)
	if node := z.node(star); !node.IsZero() && !node.Hash() {
		return Place{Kind: Wildcard, Node: node, Encloser: encloser}
	}
	return Place{Kind: Nothing, Encloser: encloser}
}
