package acme

import (
	"context"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// cleanUpTimeout is how long taking a challenge away may take. It begins anew,
// whatever was left of the order's time.
const cleanUpTimeout = 30 * time.Second

// solver answers DNS-01 challenges. It has no Wait method: when Present returns,
// all servers have the record.
type solver struct{ challenges Challenges }

var _ acmez.Solver = solver{}

func (s solver) Present(ctx context.Context, c acme.Challenge) error {
	return s.challenges.Present(ctx, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization())
}

func (s solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	return s.challenges.Remove(ctx, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization())
}
