package zone

import (
	"context"
	"errors"
	"fmt"

	"yushan/zone/dname"
	"yushan/zone/master"
)

// Changes says in what a zone differs from the one that it came from.
type Changes struct {
	// Whole: the zone was built from all its records, and what follows is not known.
	Whole          bool
	Added, Removed int // records; one whose TTL or spelling changed is both
}

// wholeShare is the share of a zone's records that may have changed for the
// difference to be worth it. Placing an owner anew costs about ten times what
// building it among many does.
const wholeShare = 10

var errTooMany = errors.New("too much has changed")

// Reload is [Load] of files that base was read from before, or an earlier
// version of them. It reads them against base and keeps only what differs: the
// zone shares all else with base, and is base itself if the records come to the same,
// be it after some were ignored or given another TTL. So it takes little memory
// beside base. If more than a tenth has changed, or the parameters of NSEC3 have,
// the files are loaded as by Load; records that are not kept as they are written,
// such as those of an RRset with several TTLs, count for that.
//
// The zone is equal to the one that Load makes. The report, however, is about
// what changed, and what that had for consequences: warnings about the rest of the
// zone were in the report on base.
func Reload(ctx context.Context, base *Zone, path string, opts master.Options) (*Zone, *Report, Changes, error) {
	z, report, changes, err := reload(ctx, base, path, opts)
	if !errors.Is(err, errTooMany) {
		return z, report, changes, err
	}
	z, report, err = Load(ctx, base.origin, path, opts)
	return z, report, Changes{Whole: true}, err
}

func reload(ctx context.Context, base *Zone, path string, opts master.Options) (*Zone, *Report, Changes, error) {
	opts.Origin = base.origin
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	d := newDifference(base, base.stats.Records/wholeShare, func() { stop(errTooMany) })
	result, err := master.Read(reading, path, opts, d.addBatch)
	var syntax master.Errors
	switch {
	case context.Cause(reading) == errTooMany:
		return nil, nil, Changes{}, errTooMany
	case err != nil && !errors.As(err, &syntax):
		return nil, nil, Changes{}, fmt.Errorf("reading zone %s: %w", dname.Display(base.origin), err)
	}
	if len(syntax) > 0 {
		// Records with errors would be missed. What else there is to say is said of
		// those that are there.
		report := &Report{}
		d.refuse(report, result.Files)
		report.addSyntax(syntax)
		report.sort()
		return nil, report, Changes{}, nil
	}
	z, report, changes, possible := d.commit(result.Files)
	if !possible {
		return nil, nil, Changes{}, errTooMany
	}
	report.sort()
	return z, report, changes, nil
}
