package transfer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"yushan/bench/procstat"
	"yushan/zone/dname"
)

// Options say what is transferred, and how often.
type Options struct {
	Server netip.AddrPort
	Zone   string      // A-labels or U-labels, with or without the final dot
	TLS    *tls.Config // for XoT; nil: TCP. Its application protocol and least version are set by RFC 9103
	Key    *Key        // nil: without TSIG
	// Times is how many transfers are made, Concurrency how many of them at once; 0
	// means 1.
	Times, Concurrency int
	// Timeout bounds each wait: for the connection, and for the next bytes. 0 means 10 s.
	Timeout time.Duration
	// Progress, unless nil, is told after each transfer, by one goroutine at a time, how
	// many have been made.
	Progress func(done int)
}

// maxTimes bounds what is kept in memory.
const maxTimes = 1_000_000

func (o *Options) complete() error {
	zone, err := dname.ParseFQDN(o.Zone)
	if err != nil {
		return fmt.Errorf("transfer %q: %w", o.Zone, err)
	}
	o.Zone = dname.String(zone)
	if !o.Server.IsValid() || o.Server.Port() == 0 {
		return fmt.Errorf("transfer %s: expected the address and port of a server", o.Zone)
	}
	if o.Times == 0 {
		o.Times = 1
	}
	if o.Concurrency == 0 {
		o.Concurrency = 1
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Times < 0 || o.Times > maxTimes || o.Concurrency < 0 || o.Timeout < 0 {
		return fmt.Errorf("transfer %s: %d times, %d at once, timeout %s: expected 1 to %d, 1 or more, and more than 0",
			o.Zone, o.Times, o.Concurrency, o.Timeout, maxTimes)
	}
	return nil
}

// Run makes transfers. Those that fail say why in the result; it returns an error only for options
// that make no sense. When the context ends, no transfer is begun anew, those under way are
// broken off and left out, and the result is Interrupted.
func Run(ctx context.Context, o Options) (*Result, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	r := &Result{
		Format: Format, Started: time.Now(), Server: o.Server.String(), Zone: o.Zone, Transport: "tcp",
		Concurrency: o.Concurrency,
	}
	if o.TLS != nil {
		r.Transport = "tls"
	}
	if o.Key != nil {
		r.Key = o.Key.String()
	}
	var mu sync.Mutex // guards what follows
	begun := 0
	began, used := time.Now(), procstat.OwnCPU()
	var running sync.WaitGroup
	for range min(o.Concurrency, o.Times) {
		running.Go(func() {
			for {
				mu.Lock()
				if begun == o.Times || ctx.Err() != nil {
					mu.Unlock()
					return
				}
				begun++
				mu.Unlock()
				at := time.Since(began)
				t := o.one(ctx)
				t.At = int64(at)
				mu.Lock()
				if t.Error == "" || ctx.Err() == nil {
					r.Transfers = append(r.Transfers, t)
					if o.Progress != nil {
						o.Progress(len(r.Transfers))
					}
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	r.Seconds, r.ClientCPU = time.Since(began).Seconds(), int64(procstat.OwnCPU()-used)
	r.Interrupted = len(r.Transfers) < o.Times
	r.Limits = r.limits(min(o.Concurrency, runtime.GOMAXPROCS(0)))
	return r, nil
}
