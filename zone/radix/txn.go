package radix

import (
	"bytes"
	"hash/maphash"
	"slices"

	"yushan/zone/arena"
)

// A Txn collects changes to a tree. It leaves that tree as it is: changes wait
// in a table until Commit merges them into it, all in one pass, and writes
// the nodes on the way to them anew, each once (merge.go). Transactions may
// start from the same tree at the same time; each is for one goroutine.
type Txn struct {
	base    Tree
	entries int // of the tree that Commit will return
	changes []change
	seed    maphash.Seed
	byHash  map[uint64]int32 // of a key: index of the last change with that hash
	memory  []byte           // of their keys, in chunks
}

// A change is what becomes of one key.
type change struct {
	key      []byte
	was, is  Entry
	had, has bool  // whether there was an entry in the base, and whether there will be one
	next     int32 // index of another change with the same hash, -1 if there is none
}

// Edit starts a transaction. Editing the zero Tree makes a new arena.
func (t Tree) Edit() *Txn {
	if t.info == nil {
		t.info = &info{arena: arena.New()}
	}
	return &Txn{base: t, entries: t.info.entries, seed: maphash.MakeSeed(), byHash: make(map[uint64]int32)}
}

// Len returns the number of entries, changes included.
func (x *Txn) Len() int { return x.entries }

// Get returns the entry for key, changes included.
func (x *Txn) Get(key []byte) (e Entry, ok bool) {
	if len(x.changes) > 0 {
		if c := x.changed(key, maphash.Bytes(x.seed, key)); c != nil {
			return c.is, c.has
		}
	}
	return x.before(key)
}

// changed returns the change of key, nil if there is none.
func (x *Txn) changed(key []byte, hash uint64) *change {
	for i, ok := x.byHash[hash]; ok && i >= 0; i = x.changes[i].next {
		if c := &x.changes[i]; bytes.Equal(c.key, key) {
			return c
		}
	}
	return nil
}

// Reserve makes room for so many changes. It spares a large transaction some copying.
func (x *Txn) Reserve(changes int) {
	x.changes = slices.Grow(x.changes, changes)
	if len(x.byHash) == 0 {
		x.byHash = make(map[uint64]int32, changes)
	}
}

// before returns the entry that the base has for key.
func (x *Txn) before(key []byte) (e Entry, ok bool) {
	m := descend(x.base.view, x.base.root, key, 0)
	if !m.Found || m.Len < len(key) {
		return Entry{}, false
	}
	return Entry{m.Value, m.Stop}, true
}

// Set adds an entry or replaces the one that key has. key is at most MaxKey
// bytes long, or Set panics; it is copied.
func (x *Txn) Set(key []byte, value uint32, stop bool) {
	checkKey(key)
	c := x.change(key)
	if !c.has {
		x.entries++
	}
	c.is, c.has = Entry{value, stop}, true
}

// Delete removes the entry for key and reports whether there was one. Entries
// below key stay.
func (x *Txn) Delete(key []byte) bool {
	if _, exists := x.Get(key); !exists {
		return false
	}
	x.entries--
	c := x.change(key)
	c.is, c.has = Entry{}, false
	return true
}

// change returns the change of key, for now one that leaves all as it is if there was none.
func (x *Txn) change(key []byte) *change {
	hash := maphash.Bytes(x.seed, key)
	if c := x.changed(key, hash); c != nil {
		return c
	}
	if cap(x.memory)-len(x.memory) < len(key) {
		x.memory = make([]byte, 0, max(2*MaxKey, min(2*cap(x.memory), keyChunk)))
	}
	start := len(x.memory)
	x.memory = append(x.memory, key...)
	c := change{key: x.memory[start:len(x.memory):len(x.memory)], next: -1}
	if i, ok := x.byHash[hash]; ok {
		c.next = i
	}
	c.was, c.had = x.before(key)
	c.is, c.has = c.was, c.had
	x.byHash[hash] = int32(len(x.changes))
	x.changes = append(x.changes, c)
	return &x.changes[len(x.changes)-1]
}

const keyChunk = 64 << 10

// Commit writes the changes and returns the tree that has them. The
// transaction may go on: it then starts from that tree.
func (x *Txn) Commit() Tree {
	changes := slices.DeleteFunc(x.changes, func(c change) bool { return c.had == c.has && c.was == c.is })
	if len(changes) > 0 {
		slices.SortFunc(changes, func(c, d change) int { return bytes.Compare(c.key, d.key) })
		x.base = merge(x.base, changes, x.entries)
	}
	*x = *x.base.Edit()
	return x.base
}
