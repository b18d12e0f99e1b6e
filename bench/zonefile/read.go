package zonefile

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"yushan/zone/dname"
	"yushan/zone/master"
)

// Read reads the master file at path. origin, in wire format, is the name of the zone.
// Mistakes in the text are returned all together, as [master.Errors].
func Read(ctx context.Context, origin []byte, path string) (*Zone, error) {
	return ReadWith(ctx, path, master.Options{Origin: origin})
}

// ReadWith is Read with the options of the reader, whose Origin is the zone's.
func ReadWith(ctx context.Context, path string, options master.Options) (*Zone, error) {
	if options.Origin == nil {
		return nil, fmt.Errorf("read %s: the zone's name is missing", path)
	}
	b := newBuilder(options.Origin)
	if _, err := master.Read(ctx, path, options, b.add); err != nil {
		return nil, err
	}
	z, err := b.zone()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return z, nil
}

// builder collects records, from several goroutines at once.
type builder struct {
	origin []byte
	shards []shard

	mu      sync.Mutex
	ignored int
}

func newBuilder(origin []byte) *builder {
	b := &builder{origin: dname.AppendLower(nil, origin), shards: make([]shard, shards)}
	for i := range b.shards {
		b.shards[i].index = make([]uint32, firstIndex)
	}
	return b
}

func (b *builder) add(batch *master.Batch) {
	var lower [dname.MaxWire]byte
	ignored := 0
	for i := range batch.Records {
		r := &batch.Records[i]
		owner := dname.AppendLower(lower[:0], r.Owner)
		if !dname.IsSubdomain(owner, b.origin) {
			ignored++
			continue
		}
		hash := hashName(owner)
		s := &b.shards[shardOf(hash)]
		s.mu.Lock()
		s.add(hash, owner, r)
		s.mu.Unlock()
	}
	if ignored > 0 {
		b.mu.Lock()
		b.ignored += ignored
		b.mu.Unlock()
	}
}

// zone puts all in its final form.
func (b *builder) zone() (*Zone, error) {
	b.addEmpty()
	z := &Zone{origin: b.origin, shards: b.shards, ignored: b.ignored}
	// In a large zone, what reading and sealing leave behind is as much as what is kept.
	runtime.GC()
	each(b.shards, (*shard).seal)
	runtime.GC()
	if set := z.node(z.origin).RRset(typeSOA); set.Len != 1 {
		return nil, fmt.Errorf("zone %s: %d SOA records, expected 1", dname.Display(z.origin), set.Len)
	}
	each(b.shards, func(s *shard, _ []byte) []byte {
		for at := 0; at < len(s.sealed); {
			node := s.node(0, at)
			s.sealed[at+4] = z.flagsOf(node)
			at += node.size()
		}
		return nil
	})
	for i := range b.shards {
		z.records += b.shards[i].records
	}
	return z, nil
}

// addEmpty adds the empty non-terminals: names that exist only for what is below them.
func (b *builder) addEmpty() {
	for i := range b.shards {
		s := &b.shards[i]
		for j := 0; j < len(s.owners); j++ { // those that are added here have no missing parents
			name := s.name(&s.owners[j])
			for parent := dname.Parent(name); len(parent) > len(b.origin); parent = dname.Parent(parent) {
				hash := hashName(parent)
				above := &b.shards[shardOf(hash)]
				if _, found := above.find(hash, parent); found {
					break
				}
				above.insert(hash, parent)
			}
		}
	}
	hash := hashName(b.origin)
	apex := &b.shards[shardOf(hash)]
	if _, found := apex.find(hash, b.origin); !found {
		apex.insert(hash, b.origin)
	}
}

// flagsOf looks only at what other names have, not at their flags.
func (z *Zone) flagsOf(node Node) (flags byte) {
	name := node.Name()
	if len(name) == len(z.origin) {
		return 0
	}
	if !node.Empty() {
		hash, other := false, false
		for set := range node.RRsets() {
			switch {
			case set.Type == typeNSEC3:
				hash = true
			case set.Type != typeRRSIG:
				other = true
			}
		}
		if hash && !other {
			return flagHash
		}
	}
	for above := dname.Parent(name); ; above = dname.Parent(above) {
		found := z.node(above)
		if found.Has(typeDNAME) {
			return flagOccluded
		}
		if len(above) == len(z.origin) {
			break
		}
		if found.Has(typeNS) {
			return flagOccluded
		}
	}
	if node.Has(typeNS) {
		return flagCut
	}
	return 0
}

// each does something to all shards, several at a time, with memory to work in.
func each(shards []shard, do func(s *shard, scratch []byte) []byte) {
	var wg sync.WaitGroup
	next := make(chan *shard)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var scratch []byte
			for s := range next {
				scratch = do(s, scratch)
			}
		})
	}
	for i := range shards {
		next <- &shards[i]
	}
	close(next)
	wg.Wait()
}
