package report

import (
	"encoding/csv"
	"io"
	"strconv"

	"yushan/bench/result"
)

// CSVHeader names the columns of [CSV]. Times of answers are microseconds, "" where
// there was no answer; at_s and seconds are seconds since the start of the run; the
// RCODE columns count answers by their header, other_rcodes those without a column;
// odd are messages that answer no query; server_cpu_us is the server's CPU time, 0
// where it wasn't observed.
var CSVHeader = []string{
	"at_s", "seconds", "due", "sent", "answered", "lost", "unsent", "truncated", "odd",
	"noerror", "formerr", "servfail", "nxdomain", "notimp", "refused", "other_rcodes",
	"sent_bytes", "received_bytes",
	"min_us", "mean_us", "p50_us", "p90_us", "p99_us", "p99.9_us", "max_us", "server_cpu_us",
}

// CSV writes a header and a line for each interval.
func CSV(w io.Writer, r *result.Result) error {
	lines := csv.NewWriter(w)
	if err := lines.Write(CSVHeader); err != nil {
		return err
	}
	line := make([]string, 0, len(CSVHeader))
	for i := range r.Intervals {
		s := &r.Intervals[i]
		line = append(line[:0], decimal(s.At), decimal(s.Seconds))
		for _, n := range []uint64{s.Due, s.Sent, s.Answered, s.Lost, s.Unsent, s.Truncated, s.Odd.Sum()} {
			line = append(line, strconv.FormatUint(n, 10))
		}
		for _, n := range s.RCodes[:6] {
			line = append(line, strconv.FormatUint(n, 10))
		}
		var others uint64
		for _, n := range s.RCodes[6:] {
			others += n
		}
		for _, n := range []uint64{others, s.SentBytes, s.ReceivedBytes} {
			line = append(line, strconv.FormatUint(n, 10))
		}
		h := s.Latency
		if h.Count() == 0 {
			line = append(line, "", "", "", "", "", "", "")
		} else {
			for _, ns := range []int64{
				int64(h.Min()), int64(h.Mean()), int64(h.Quantile(0.5)), int64(h.Quantile(0.9)),
				int64(h.Quantile(0.99)), int64(h.Quantile(0.999)), int64(h.Max()),
			} {
				line = append(line, microseconds(ns))
			}
		}
		line = append(line, microseconds(s.ServerCPU))
		if err := lines.Write(line); err != nil {
			return err
		}
	}
	lines.Flush()
	return lines.Error()
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// microseconds writes nanoseconds as such, exactly.
func microseconds(ns int64) string { return decimal(float64(ns) / 1e3) }
