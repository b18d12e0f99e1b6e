package overquic

// ring is clients that take turns. Each is in it at most once, so that its capacity,
// which is the number of clients, is never exceeded.
type ring struct {
	clients []*client
	first   int
	count   int
}

func newRing(size int) ring { return ring{clients: make([]*client, size)} }

// push puts a client at the end, unless it is in the ring.
func (r *ring) push(c *client) {
	if c.queued {
		return
	}
	c.queued = true
	r.clients[(r.first+r.count)%len(r.clients)] = c
	r.count++
}

// head returns the first client, which there must be.
func (r *ring) head() *client { return r.clients[r.first] }

// pop takes the first client, which there must be.
func (r *ring) pop() *client {
	c := r.clients[r.first]
	r.first = (r.first + 1) % len(r.clients)
	r.count--
	c.queued = false
	return c
}
