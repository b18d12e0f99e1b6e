package zone

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"yushan/zone/dname"
	"yushan/zone/master"
)

// Load reads the zone with the given origin from the master file at path. The
// zone is nil if the report has errors. err is not nil if the file could not be
// read to its end: that says nothing about its content.
func Load(ctx context.Context, origin []byte, path string, opts master.Options) (*Zone, *Report, error) {
	z, report, _, err := LoadFiles(ctx, origin, path, opts)
	return z, report, err
}

// LoadFiles is [Load] that also tells which files were read: path and all that
// it includes.
func LoadFiles(ctx context.Context, origin []byte, path string, opts master.Options) (*Zone, *Report, []string, error) {
	opts.Origin = origin
	b := NewBuilder(origin)
	result, err := master.Read(ctx, path, opts, b.AddBatch)
	var syntax master.Errors
	if err != nil && !errors.As(err, &syntax) {
		return nil, nil, result.Files, fmt.Errorf("reading zone %s: %w", dname.Display(origin), err)
	}
	b.files = result.Files
	z, report, err := b.BuildContext(ctx)
	if err != nil {
		return nil, nil, result.Files, fmt.Errorf("loading zone %s: %w", dname.Display(origin), err)
	}
	report.addSyntax(syntax)
	report.sort()
	if !report.OK() {
		z = nil
	}
	return z, report, result.Files, nil
}

func (r *Report) addSyntax(errs master.Errors) {
	for _, e := range errs {
		r.add(Finding{Severity: Error, Code: Syntax, File: e.File, Line: e.Line, Column: e.Column, Message: syntaxMessage(e)})
	}
}

func syntaxMessage(e *master.Error) string {
	if e.Record == "" {
		return e.Message
	}
	return e.Record + ": " + e.Message
}

// FromRecords makes a zone of records, in any order.
func FromRecords(origin []byte, records []dns.RR) (*Zone, *Report) {
	b := NewBuilder(origin)
	batch := &master.Batch{Records: make([]master.Record, 0, len(records))}
	report := &Report{}
	for _, record := range records {
		owner, rdata, err := master.FromRR(record)
		if err != nil {
			report.add(Finding{Severity: Error, Code: Syntax, Message: fmt.Sprintf("%s: %v", record, err)})
			continue
		}
		h := record.Header()
		batch.Records = append(batch.Records, master.Record{Owner: owner, RDATA: rdata, TTL: h.Ttl, Type: h.Rrtype, Class: h.Class})
	}
	if !report.OK() {
		return nil, report
	}
	b.AddBatch(batch)
	return b.Build()
}
