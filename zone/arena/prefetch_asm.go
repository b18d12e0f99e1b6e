//go:build amd64 || arm64

package arena

// prefetch begins to bring the cache line of p, and the one that follows it, into
// the processor's first cache. It reads nothing that the program could see, and
// an address that isn't mapped is of no consequence to it.
//
//go:noescape
func prefetch(p *byte)
