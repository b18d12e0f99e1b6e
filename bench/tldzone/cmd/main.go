package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"yushan/bench/tldzone"
)

func main() {
	var z tldzone.Zone
	flag.StringVar(&z.Origin, "origin", "tw.", "name of the zone, with A-labels")
	flag.IntVar(&z.Delegations, "n", 200_000, "number of delegations")
	flag.Float64Var(&z.SignedShare, "ds", 0.02, "share of delegations that have a DS record")
	flag.Uint64Var(&z.Seed, "seed", 1, "the same seed gives the same zone")
	zone := flag.String("zone", "", "file to write the zone to")
	queries := flag.String("queries", "", "file to write the queries to, as dnsperf reads them")
	signed := flag.Bool("sign", false, "sign the zone, with NSEC3 opt-out")
	count := flag.Int("q", 500_000, "number of queries")
	flag.Parse()
	to := z.Write
	if *signed {
		to = func(w io.Writer) error { return z.WriteSigned(context.Background(), w, tldzone.Signing{}) }
	}
	err := write(*zone, to)
	if err == nil {
		err = write(*queries, func(w io.Writer) error { return z.WriteQueries(w, *count, tldzone.TLD) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tldzone:", err)
		os.Exit(1)
	}
}

func write(path string, to func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := to(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
