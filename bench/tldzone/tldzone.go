package tldzone

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Zone describes a synthetic zone.
type Zone struct {
	Origin      string  // presentation form, A-labels, with or without the final dot
	Delegations int     // 0 to MaxDelegations
	SignedShare float64 // of the delegations have DS records; 0 to 1
	Seed        uint64

	// Progress, unless nil, is told how many delegations are done. It is called by the
	// goroutine that writes the zone, and is no part of what the zone is.
	Progress func(done int)
}

// MaxDelegations is how many a zone may have.
const MaxDelegations = 100_000_000

// Write writes the zone as a master file, unsigned, in no particular order. What is
// written is a few lines of the zone itself first, then a chunk of delegations at a time.
func (z Zone) Write(w io.Writer) error {
	return z.WriteContext(context.Background(), w)
}

// WriteContext is [Zone.Write] that ends with the context, whose error it returns then.
func (z Zone) WriteContext(ctx context.Context, w io.Writer) error {
	return z.write(ctx, w, nil, nil)
}

// write writes the zone. signable, unless nil, tells whether a delegation with or without
// DS records is of interest for a signer; collect is given the chunks with what it is to know.
func (z Zone) write(ctx context.Context, w io.Writer, signable func(secure bool) bool, collect func(*chunk)) error {
	z, err := z.complete()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, z.header()); err != nil {
		return err
	}
	return z.chunks(ctx, signable, func(c *chunk) error {
		if _, err := w.Write(c.text); err != nil {
			return err
		}
		if signable != nil {
			collect(c)
		}
		if z.Progress != nil {
			z.Progress(c.to)
		}
		return nil
	})
}

// complete checks the description.
func (z Zone) complete() (Zone, error) {
	z.Origin = strings.ToLower(strings.TrimSuffix(z.Origin, ".") + ".")
	for i := range len(z.Origin) {
		if c := z.Origin[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"();@\`, c) >= 0 {
			return z, fmt.Errorf("synthetic zone: origin %q: expected a name of A-labels", z.Origin)
		}
	}
	if labels := strings.Split(strings.TrimSuffix(z.Origin, "."), "."); z.Origin != "." {
		for _, label := range labels {
			if label == "" || len(label) > 63 {
				return z, fmt.Errorf("synthetic zone: origin %q: a label has %d letters, expected 1 to 63", z.Origin, len(label))
			}
		}
	}
	const longestOrigin = 120 // with which no name gets too long
	if len(z.Origin) > longestOrigin {
		return z, fmt.Errorf("synthetic zone: origin %q is longer than %d letters", z.Origin, longestOrigin)
	}
	if z.Delegations < 0 || z.Delegations > MaxDelegations {
		return z, fmt.Errorf("synthetic zone: %d delegations: expected 0 to %d", z.Delegations, MaxDelegations)
	}
	if !(z.SignedShare >= 0 && z.SignedShare <= 1) {
		return z, fmt.Errorf("synthetic zone: a share of %v with DS records: expected 0 to 1", z.SignedShare)
	}
	return z, nil
}

// ttl is that of all records, in seconds.
const ttl = 86400

// header is what the zone has of its own.
func (z Zone) header() string {
	return fmt.Sprintf(`$ORIGIN %s
$TTL %d
@ SOA a.dns hostmaster 2026112401 1800 900 1209600 900
@ NS a.dns
@ NS b.dns
@ NS c.dns
a.dns A 192.0.2.1
a.dns AAAA 2001:db8:1::1
b.dns A 192.0.2.2
b.dns AAAA 2001:db8:2::1
c.dns A 192.0.2.3
@ MX 10 mail
@ TXT "a synthetic zone"
mail A 192.0.2.25
`, z.Origin, ttl)
}
