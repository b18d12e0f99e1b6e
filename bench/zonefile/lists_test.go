package zonefile

import "yushan/zone/dname"

// What tests ask of a zone as a whole.

// Cuts returns the names at which the zone delegates, in wire format and lower case.
// Their order depends on nothing but the names; they must not be written to.
func (z *Zone) Cuts() [][]byte {
	return z.owners(func(n Node) bool { return n.Cut() })
}

// DSCuts are those of Cuts that have a DS RRset.
func (z *Zone) DSCuts() [][]byte {
	return z.owners(func(n Node) bool { return n.Cut() && n.Has(43) })
}

// Wildcards returns the names with an asterisk label in front that stand in for names
// that don't exist (RFC 4592), likewise.
func (z *Zone) Wildcards() [][]byte {
	return z.owners(func(n Node) bool {
		return dname.IsWildcard(n.Name()) && !n.Occluded() && !n.Cut() && !n.Hash()
	})
}

func (z *Zone) owners(which func(Node) bool) [][]byte {
	var names [][]byte
	for node := range z.Nodes() {
		if which(node) {
			names = append(names, node.Name())
		}
	}
	return names
}

// Types returns the types of the RRsets that owner has, in ascending order; of a name
// below a cut too.
func (z *Zone) Types(owner []byte) []uint16 {
	var types []uint16
	for set := range z.Node(owner).RRsets() {
		if len(types) == 0 || types[len(types)-1] != set.Type { // RRSIG comes for each type covered
			types = append(types, set.Type)
		}
	}
	return types
}

// Exists tells whether there is name, perhaps as an empty non-terminal, or whether it
// lies at or below a cut, or below a DNAME. Other names don't exist, although a
// wildcard may stand in for them ([Zone.Lookup] tells that).
func (z *Zone) Exists(name []byte) bool {
	if !dname.IsSubdomain(name, z.origin) {
		return false
	}
	place := z.Lookup(name)
	return place.Kind != Wildcard && place.Kind != Nothing
}
