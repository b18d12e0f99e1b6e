// Package radix is an ordered map from short byte strings to 32-bit values: a
// path-compressed radix tree without pointers, in an arena. A zone keeps its
// names in one, under the keys of package dname.
//
// A [Tree] is an immutable value. It is made by a [Builder] from sorted keys,
// or by a [Txn] from another tree, with which it then shares all that did not
// change:
//
//	b := radix.NewBuilder(arena.New())
//	b.Add([]byte("example\x00"), 17, true)
//	b.Add([]byte("shop\x00"), 4, true)
//	tree := b.Finish()
//
//	m := tree.Descend([]byte("example\x00www\x00"))
//	// m.Found, m.Stop, m.Len == 8, m.Value == 17: a zone cut on the way
//
//	txn := tree.Edit()
//	txn.Delete([]byte("shop\x00"))
//	next := txn.Commit() // tree still holds "shop"
//
// An entry with the Stop flag is where [Tree.Descend] ends, whatever lies
// below: a zone cut. Such entries may still have others below them (glue),
// which Get, Floor and the iterators find.
//
// node.go draws the nodes and numbers their invariants; twig.go is about the
// kind that holds nearly all entries. Hot: tree.go, step.go, floor.go and the
// searches in twig.go. Cold: assemble.go, builder.go, part.go, merge.go, place.go, txn.go, walk.go,
// and raw.go and verify.go, by which a tree comes from memory of an earlier process.
package radix
