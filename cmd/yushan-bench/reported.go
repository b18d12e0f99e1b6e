package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

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
	JSON        string                `name:"json" placeholder:"FILE" help:"Write all figures: compare reads them. Here and below, - is standard output; the text goes to standard error then."`
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

// reportFile is a report beside the text.
type reportFile struct {
	flag, path string
	write      func(io.Writer, *result.Result) error
}

// files are the reports that are asked for.
func (f *reportFlags) files() (list []reportFile) {
	for _, r := range []reportFile{
		{"json", f.JSON, func(w io.Writer, res *result.Result) error { return res.Write(w) }},
		{"csv", f.CSV, report.CSV},
		{"html", f.HTML, report.HTML},
		{"hdr-log", f.HDRLog, report.HDRLog},
		{"hgrm", f.HGRM, report.HGRM},
	} {
		if r.path != "" {
			list = append(list, r)
		}
	}
	return list
}

// textTo is where text goes, which makes way for a report on standard output.
func textTo(con *cli.Console, stdout bool) io.Writer {
	if stdout {
		return con.Err
	}
	return con.Out
}

// writable refuses files that can't be written: after the run that would be too late.
func (f *reportFlags) writable() error {
	flags := map[string]string{}
	for _, r := range f.files() {
		if other, taken := flags[r.path]; taken {
			return cli.Usagef("--%s and --%s can't both be written to %s", other, r.flag, r.path)
		}
		flags[r.path] = r.flag
		if r.path == "-" {
			continue
		}
		found, err := os.Stat(r.path)
		if err == nil && !found.Mode().IsRegular() && !found.IsDir() {
			continue // who reads a pipe would take this for its end
		}
		made := errors.Is(err, os.ErrNotExist)
		file, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE, 0o666)
		if err != nil {
			return cli.Usagef("--%s: %v", r.flag, err)
		}
		file.Close()
		if made {
			os.Remove(r.path)
		}
	}
	return nil
}

// report writes all reports. A file that can't be written doesn't keep the others
// from being.
func (f *reportFlags) report(con *cli.Console, res *result.Result) error {
	text := textTo(con, slices.ContainsFunc(f.files(), func(r reportFile) bool { return r.path == "-" }))
	if err := report.Text(text, res, report.TextOptions{Color: terminal.Colour(text)}); err != nil {
		return err
	}
	var failed error
	for _, r := range f.files() {
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
	err = write(file)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		return nil
	}
	// Half a file looks like a whole one.
	if info, gone := os.Stat(path); gone == nil && info.Mode().IsRegular() {
		os.Remove(path)
	}
	return fmt.Errorf("write %s: %w", path, err)
}
