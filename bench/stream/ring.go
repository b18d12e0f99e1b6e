package stream

// ring is a queue with two ends. It grows and never shrinks.
type ring[T any] struct {
	items []T // a power of two
	head  int // where the front is
	count int
}

func (r *ring[T]) len() int { return r.count }

// front is the first item. There must be one.
func (r *ring[T]) front() *T { return &r.items[r.head] }

func (r *ring[T]) pushBack(item T) {
	r.grow()
	r.items[(r.head+r.count)&(len(r.items)-1)] = item
	r.count++
}

func (r *ring[T]) pushFront(item T) {
	r.grow()
	r.head = (r.head - 1) & (len(r.items) - 1)
	r.items[r.head] = item
	r.count++
}

// popFront takes the first item. There must be one.
func (r *ring[T]) popFront() T {
	item := r.items[r.head]
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.count--
	return item
}

func (r *ring[T]) grow() {
	if r.count < len(r.items) {
		return
	}
	larger := make([]T, max(64, 2*len(r.items)))
	n := copy(larger, r.items[r.head:])
	copy(larger[n:], r.items[:r.head])
	r.items, r.head = larger, 0
}
