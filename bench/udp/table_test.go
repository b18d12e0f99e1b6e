package udp

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Each slot has an ID of its own, which finds it.
func TestIDs(t *testing.T) {
	for range 20 {
		table := newTable(maxSlots)
		seen := map[uint16]bool{}
		for !table.full() {
			number, id := table.take()
			if seen[id] {
				t.Fatalf("ID %d is taken twice; the factor is %d", id, table.odd)
			}
			seen[id] = true
			if _, s := table.find(id); s != nil {
				t.Fatalf("ID %d is known before its query has been sent", id)
			}
			table.begin(number)
			if found, s := table.find(id); found != number || s != &table.slots[number] {
				t.Fatalf("ID %d finds slot %d, expected %d", id, found, number)
			}
		}
		if len(seen) != maxSlots {
			t.Fatalf("%d IDs, expected %d", len(seen), maxSlots)
		}
	}
}

// A table that isn't the largest knows the IDs that it doesn't use.
func TestIDsOfASmallTable(t *testing.T) {
	table := newTable(100)
	for !table.full() {
		number, _ := table.take()
		table.begin(number)
	}
	found := 0
	for id := range 1 << 16 {
		if _, s := table.find(uint16(id)); s != nil {
			found++
		}
	}
	if found != 100 {
		t.Errorf("%d IDs are found, expected 100", found)
	}
}

// Random steps, held against lists that are plain.
func TestTableAgainstAModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const size = 50
	table := newTable(size)
	var free, taken, way []uint16 // by age
	for i := range uint16(size) {
		free = append(free, i)
	}
	states := map[uint16]state{}
	remove := func(list *[]uint16) uint16 {
		i := random.IntN(len(*list))
		number := (*list)[i]
		*list = slices.Delete(*list, i, i+1)
		return number
	}
	for step := range 100_000 {
		switch random.IntN(5) {
		case 0, 1:
			if table.full() != (len(free) == 0) {
				t.Fatalf("step %d: full is %v with %d free", step, table.full(), len(free))
			}
			if len(free) == 0 {
				continue
			}
			number, _ := table.take()
			if number != free[0] {
				t.Fatalf("step %d: slot %d is taken, expected %d, the one that is free for longest", step, number, free[0])
			}
			free, taken = free[1:], append(taken, number)
		case 2:
			if len(taken) == 0 {
				continue
			}
			number := remove(&taken)
			if random.IntN(4) == 0 {
				table.release(number)
				free = append(free, number)
				continue
			}
			table.begin(number)
			way = append(way, number)
			states[number] = underWay
		default:
			if len(way) == 0 {
				continue
			}
			number := remove(&way)
			states[number] = answered
			if random.IntN(2) == 0 {
				states[number] = lost
			}
			table.end(number, states[number])
			free = append(free, number)
		}
		oldest := uint16(none)
		if len(way) > 0 {
			oldest = way[0]
		}
		if table.oldest != oldest {
			t.Fatalf("step %d: the oldest is %d, expected %d", step, table.oldest, oldest)
		}
		if n := uint16(random.IntN(size)); table.slots[n].state != states[n] {
			t.Fatalf("step %d: slot %d is in state %d, expected %d", step, n, table.slots[n].state, states[n])
		}
	}
}

func BenchmarkTable(b *testing.B) {
	table := newTable(maxSlots)
	var way [200]uint16
	for i := 0; b.Loop(); i++ {
		if i >= len(way) {
			table.end(way[i%len(way)], answered)
		}
		number, id := table.take()
		table.begin(number)
		if _, s := table.find(id); s == nil {
			b.Fatal("not found")
		}
		way[i%len(way)] = number
	}
}
