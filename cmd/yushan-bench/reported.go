package main

import (
	"fmt"
	"io"
	"os"

	"yushan/bench/procstat"
	"yushan/bench/report"
	"yushan/bench/result"
	"yushan/bench/threshold"
	"yushan/internal/cli"
	"yushan/internal/terminal"
)

// reportFlags say what is reported.
type reportFlags struct {
	Serverstats string                `placeholder:"PID|URL" help:"Observe the server's CPU time and memory: a process of this machine, or a page of metrics for Prometheus."`
	Fail        []threshold.Threshold `sep:"none" placeholder:"CONDITION" help:"Condition that makes the exit status 1, as p99>5ms or loss>0.1%; may be repeated."`
	Title       string                `placeholder:"TEXT" help:"Name of the run in its reports."`
	JSON        string                `name:"json" placeholder:"FILE" help:"Write all figures: compare reads them."`
	CSV         string                `name:"csv" placeholder:"FILE" help:"Write a line for each part of the run."`
	HTML        string                `name:"html" placeholder:"FILE" help:"Write a page with plots, all in one file."`
	HDRLog      string                `name:"hdr-log" placeholder:"FILE" help:"Write an HdrHistogram log of the latencies."`
	HGRM        string                `name:"hgrm" placeholder:"FILE" help:"Write the latencies by percentile, as HdrHistogram's plotter reads them."`
	Quiet       bool                  `short:"q" help:"Show nothing while it runs."`
}

// observe begins to observe the server; nil if that isn't asked for.
func (f *reportFlags) observe() (*procstat.Observer, error) {
	if f.Serverstats == "" {
		return nil, nil
	}
	o, err := procstat.Open(f.Serverstats)
	if err != nil {
		return nil, cli.Usagef("--serverstats: %v", err)
	}
	return o, nil
}

// report writes all reports. A file that can't be written doesn't keep the others
// from being.
func (f *reportFlags) report(con *cli.Console, res *result.Result) error {
	if err := report.Text(con.Out, res, report.TextOptions{Color: terminal.Colour(con.Out)}); err != nil {
		return err
	}
	var failed error
	for _, r := range []struct {
		path  string
		write func(io.Writer, *result.Result) error
	}{
		{f.JSON, func(w io.Writer, res *result.Result) error { return res.Write(w) }},
		{f.CSV, report.CSV},
		{f.HTML, report.HTML},
		{f.HDRLog, report.HDRLog},
		{f.HGRM, report.HGRM},
	} {
		if r.path == "" {
			continue
		}
		if err := writeFile(r.path, func(w io.Writer) error { return r.write(w, res) }); err != nil {
			fmt.Fprintf(con.Err, "yushan-bench: %v\n", err)
			failed = cli.ErrFound
		}
	}
	return failed
}

// writeFile writes a file; - is standard output.
func writeFile(path string, write func(io.Writer) error) error {
	if path == "-" {
		return write(os.Stdout)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		file.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return file.Close()
}
