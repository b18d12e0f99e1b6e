package query_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"yushan/internal/testzone"
	"yushan/zone"
	"yushan/zone/dname"
	"yushan/zone/master"
)

func fromRecords(z testzone.Zone) (*zone.Zone, error) {
	origin, err := dname.ParseFQDN(z.Origin)
	if err != nil {
		return nil, err
	}
	served, report := zone.FromRecords(origin, z.Records)
	if served == nil {
		return nil, fmt.Errorf("%v", report.Findings)
	}
	return served, nil
}

// fromText takes the way through a master file.
func fromText(z testzone.Zone) (*zone.Zone, error) {
	origin, err := dname.ParseFQDN(z.Origin)
	if err != nil {
		return nil, err
	}
	served, report, err := zone.Load(context.Background(), origin, "zone", master.Options{
		Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(z.String())), nil },
	})
	if err == nil && served == nil {
		err = fmt.Errorf("%v", report.Findings)
	}
	return served, err
}

// fromEdits starts with a part of the records and adds the others, signatures at
// last, as a zone keeps none over nothing; then it takes RRsets out and puts
// them back.
func fromEdits(z testzone.Zone) (*zone.Zone, error) {
	r := rand.New(rand.NewPCG(uint64(len(z.Records)), 4))
	part := z
	part.Records = nil
	var data, signatures []dns.RR
	for _, rr := range z.Records {
		_, isSignature := rr.(*dns.RRSIG)
		switch {
		case isSignature:
			signatures = append(signatures, rr)
		case isApexSet(z, rr) || r.IntN(2) == 0:
			part.Records = append(part.Records, rr)
		default:
			data = append(data, rr)
		}
	}
	served, err := fromRecords(part)
	for _, missing := range [][]dns.RR{data, signatures} {
		for err == nil && len(missing) > 0 {
			n := 1 + r.IntN(len(missing))
			served, err = edited(served, missing[:n], nil)
			missing = missing[n:]
		}
	}
	for range 3 {
		var taken []dns.RR
		for _, rr := range z.Records {
			if rr.Header().Rrtype != dns.TypeRRSIG && !isApexSet(z, rr) && r.IntN(8) == 0 {
				taken = append(taken, rr)
			}
		}
		if err == nil {
			served, err = edited(served, nil, taken)
		}
		if err == nil {
			served, err = edited(served, append(slices.Clone(taken), signatures...), nil)
		}
	}
	return served, err
}

// isApexSet tells what a zone can't be without. NSEC3PARAM is what makes NSEC3
// records hashes, and not names that a DNAME at the apex may not have below it.
func isApexSet(z testzone.Zone, rr dns.RR) bool {
	h := rr.Header()
	switch h.Rrtype {
	case dns.TypeSOA, dns.TypeNS, dns.TypeNSEC3PARAM:
		return dns.CanonicalName(h.Name) == dns.CanonicalName(z.Origin)
	}
	return false
}

func edited(z *zone.Zone, added, removed []dns.RR) (*zone.Zone, error) {
	edit := z.Edit()
	for _, rr := range added {
		record, err := toRecord(rr)
		if err != nil {
			return nil, err
		}
		edit.Add(record)
	}
	for _, rr := range removed {
		record, err := toRecord(rr)
		if err != nil {
			return nil, err
		}
		edit.Remove(record)
	}
	z, report := edit.Commit()
	if z == nil {
		return nil, fmt.Errorf("edit: %v", report.Findings)
	}
	return z, nil
}

func toRecord(rr dns.RR) (master.Record, error) {
	owner, rdata, err := master.FromRR(rr)
	h := rr.Header()
	return master.Record{Owner: owner, RDATA: rdata, TTL: h.Ttl, Type: h.Rrtype, Class: h.Class}, err
}
