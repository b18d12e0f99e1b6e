package report

import (
	"encoding/csv"
	"strconv"
	"strings"
	"testing"

	"yushan/bench/result"
	"yushan/bench/result/sample"
)

func TestCSV(t *testing.T) {
	for _, kind := range sample.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			r := kind.Make(goldenRate)
			var b strings.Builder
			if err := CSV(&b, r); err != nil {
				t.Fatal(err)
			}
			if kind.Name == "loss" || kind.Name == "empty" {
				golden(t, kind.Name+".csv", b.String())
			}
			lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			if len(lines) != 1+len(r.Intervals) {
				t.Fatalf("%d lines, expected a header and %d", len(lines), len(r.Intervals))
			}
			sums := map[string]float64{}
			for _, line := range lines[1:] {
				for i, cell := range line {
					if cell == "" {
						continue
					}
					v, err := strconv.ParseFloat(cell, 64)
					if err != nil {
						t.Fatalf("column %s: %v", lines[0][i], err)
					}
					sums[lines[0][i]] += v
				}
			}
			for column, want := range map[string]uint64{
				"due": r.Total.Due, "sent": r.Total.Sent, "answered": r.Total.Answered, "lost": r.Total.Lost, "truncated": r.Total.Truncated,
				"odd": r.Total.Odd.Sum(), "sent_bytes": r.Total.SentBytes, "received_bytes": r.Total.ReceivedBytes,
			} {
				if sums[column] != float64(want) {
					t.Errorf("column %s adds up to %g, expected %d", column, sums[column], want)
				}
			}
		})
	}
}

// An interval's RCODEs are all in a column, and its percentiles are microseconds.
func TestCSVColumns(t *testing.T) {
	h := result.NewHistogram(3)
	h.Record(1500)
	interval := result.Interval{At: 0.5, Seconds: 0.25, Stats: result.Stats{Latency: h, Counts: result.Counts{Answered: 136}}, ServerCPU: 2500}
	for i := range interval.RCodes {
		interval.RCodes[i] = uint64(i + 1)
	}
	var b strings.Builder
	if err := CSV(&b, &result.Result{Intervals: []result.Interval{interval}}); err != nil {
		t.Fatal(err)
	}
	line := strings.Split(b.String(), "\n")[1]
	want := "0.5,0.25,0,0,136,0,0,0,0,1,2,3,4,5,6,115,0,0,1.5,1.5,1.5,1.5,1.5,1.5,1.5,2.5"
	if line != want {
		t.Errorf("%s, expected %s", line, want)
	}
}
