package udp

import (
	"encoding/binary"
	"math"
	"net/netip"

	"yushan/bench/load"
)

// probes is how many addresses of a prefix are tried before a run.
const probes = 16

// sources walks over the addresses that queries come from: by turns over the prefixes,
// and within each in steps of a golden ratio of its size, so that a short run is
// spread over all of it and a long one comes to each address once a round.
type sources struct {
	pools []pool
	turn  int
}

// pool is the addresses of a prefix: first and size − 1 behind it.
type pool struct {
	is4            bool
	first          [16]byte // IPv4: the last four bytes
	size, step, at uint64
}

// newSources begins the walk of one of several workers.
func newSources(prefixes []netip.Prefix, worker, workers int) *sources {
	s := &sources{turn: worker % len(prefixes)}
	for _, prefix := range prefixes {
		hosts := load.HostsOf(prefix)
		p := pool{is4: hosts.First.Is4(), size: hosts.Count}
		if p.is4 {
			*(*[4]byte)(p.first[12:]) = hosts.First.As4()
		} else {
			p.first = hosts.First.As16()
		}
		p.step = coprime(uint64(float64(p.size)*(math.Phi-1)), p.size)
		p.at = uint64(float64(p.size) / float64(workers) * float64(worker))
		s.pools = append(s.pools, p)
	}
	return s
}

// coprime returns the first number from n on, at least 1, that has no divisor in common
// with size: steps of it come to each place.
func coprime(n, size uint64) uint64 {
	for n = max(n, 1); ; n++ {
		a, b := n, size
		for b != 0 {
			a, b = b, a%b
		}
		if a == 1 {
			return n
		}
	}
}

// address returns the n-th address. Prefixes are aligned, so that nothing is carried
// beyond the last eight bytes.
func (p *pool) address(n uint64) [16]byte {
	a := p.first
	binary.BigEndian.PutUint64(a[8:], binary.BigEndian.Uint64(a[8:])+n)
	return a
}

// next returns the address of the next query; IPv4's is the last four bytes.
func (s *sources) next() [16]byte {
	p := &s.pools[s.turn]
	if s.turn++; s.turn == len(s.pools) {
		s.turn = 0
	}
	a := p.address(p.at)
	if p.at += p.step; p.at >= p.size {
		p.at -= p.size
	}
	return a
}

// check tries some addresses of each prefix, among them the first and the last, and
// returns why one can't be used.
func (s *sources) check(t target) error {
	for i := range s.pools {
		p := &s.pools[i]
		n := min(p.size, probes)
		for k := range n {
			at := uint64(float64(p.size-1) / float64(max(n-1, 1)) * float64(k))
			a := p.address(min(at, p.size-1))
			ip := netip.AddrFrom16(a)
			if p.is4 {
				ip = netip.AddrFrom4([4]byte(a[12:]))
			}
			if err := t.probe(ip); err != nil {
				return err
			}
		}
	}
	return nil
}
