package sign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"yushan/zone/master"
)

// ReadFile reads the master file at path, and what it includes, into the records
// that [Zone] and [Stream] take. Mistakes in the text are returned all
// together, as [master.Errors].
func ReadFile(ctx context.Context, path string, opts master.Options) ([]dns.RR, error) {
	var (
		mu      sync.Mutex
		parts   = make(map[int][]dns.RR) // guarded by mu, like failure
		failure error
	)
	result, err := master.Read(ctx, path, opts, func(batch *master.Batch) {
		rrs := make([]dns.RR, 0, len(batch.Records))
		var failed error
		for _, record := range batch.Records {
			rr, err := master.RR(record)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s, line %d: %w", path, record.Line, err))
				continue
			}
			rrs = append(rrs, rr)
		}
		mu.Lock()
		defer mu.Unlock()
		parts[batch.Seq] = rrs
		failure = errors.Join(failure, failed)
	})
	if err != nil {
		return nil, err
	}
	if failure != nil {
		return nil, failure
	}
	all := make([]dns.RR, 0, result.Records)
	for seq := range len(parts) {
		all = append(all, parts[seq]...)
	}
	return slices.Clip(all), nil
}
