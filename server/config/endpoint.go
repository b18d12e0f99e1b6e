package config

import (
	"cmp"
	"slices"

	"yushan/server/query"
)

// Compare orders endpoints by what is spoken, UDP and TCP first, then by address.
func (e Endpoint) Compare(o Endpoint) int {
	return cmp.Or(cmp.Compare(e.rank(), o.rank()), e.Addr.Compare(o.Addr))
}

func (e Endpoint) rank() int {
	rank := 4 * slices.Index([]query.Transport{query.UDP, query.TCP, query.DoT, query.DoH, query.DoQ}, e.Transport)
	switch {
	case e.HTTP3:
		rank++
	case e.Cleartext:
		rank += 2
	}
	return rank
}
