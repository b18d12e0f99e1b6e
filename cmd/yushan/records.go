package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"yushan/zone/master"
)

// readRecords reads a master file into records as miekg/dns holds them, in the
// order of the file.
func readRecords(ctx context.Context, path string, opts master.Options) ([]dns.RR, error) {
	var (
		mu      sync.Mutex // guards all below: batches arrive from several goroutines
		batches [][]dns.RR // by Batch.Seq
		failed  error      // one of them is enough: the reader has checked the text
	)
	_, err := master.Read(ctx, path, opts, func(b *master.Batch) {
		rrs := make([]dns.RR, len(b.Records))
		var err error
		for i := range b.Records {
			if rrs[i], err = master.RR(b.Records[i]); err != nil {
				err = fmt.Errorf("%s:%d: %w", path, b.Records[i].Line, err)
				break
			}
		}
		mu.Lock()
		defer mu.Unlock()
		failed = cmp.Or(failed, err)
		if missing := b.Seq + 1 - len(batches); missing > 0 {
			batches = append(batches, make([][]dns.RR, missing)...)
		}
		batches[b.Seq] = rrs
	})
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	return slices.Concat(batches...), nil
}
