package trial

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"yushan/bench/versus/outcome"
)

// Metrics of the benchmark Change in package server.
const (
	metricChange   = "ms/commit"
	metricCPU      = "cpu-ms/commit"
	metricLoaded   = "loaded-ms/commit"
	metricQuiet    = "quiet-p99.9-µs"
	metricChanging = "changing-p99.9-µs"
)

// changes is how many delegations are changed; fewer in small zones.
const changes = 10_000

// change runs yushan's own benchmark of changes: no peer has a way to be given one but by
// a transfer.
func (r *run) change(ctx context.Context, rows []spec) error {
	if r.Source == "" {
		for _, row := range rows {
			r.Row(row.ID).Missing = "this is a benchmark of the checkout, and the yushan that is measured is another one"
		}
		return r.save()
	}
	args := []string{"test", "./server", "-run", "^$", "-bench", "^BenchmarkChange$", "-benchtime", "1x", "-timeout", "1h"}
	command := "go " + strings.Join(args, " ")
	for _, row := range rows {
		r.Row(row.ID).Clients = []string{command}
	}
	for round := 1; round <= r.Settings.Rounds; round++ {
		lacking := slices.DeleteFunc(slices.Clone(rows), func(row spec) bool { return len(r.lacks(row, round)) == 0 })
		if len(lacking) == 0 {
			continue
		}
		r.Say("round %d of %d: %s …", round, r.Settings.Rounds, command)
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = r.Source
		cmd.Env = append(os.Environ(), "YUSHAN_CHANGE_DELEGATIONS="+strconv.Itoa(r.Settings.Large),
			"YUSHAN_CHANGE_CHANGES="+strconv.Itoa(min(changes, max(1, r.Settings.Large/10))),
			"YUSHAN_CHANGE_ROUNDS=1", "YUSHAN_CHANGE_SECONDS="+strconv.Itoa(max(1, int(r.Settings.Seconds*8/5))))
		w := newWatch()
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			err = fmt.Errorf("%s: %w\n%s", command, err, out)
		}
		metrics := parseBenchmark(string(out))
		others := w.others(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), processorCount())
		for _, row := range lacking {
			value := metrics[metricChange]
			extra := map[string]float64{outcome.IdleCPU: metrics[metricCPU], outcome.AtWork: metrics[metricLoaded]}
			if row.ID == "change-latency" {
				value = metrics[metricChanging] / metrics[metricQuiet]
				extra = map[string]float64{outcome.One: metrics[metricQuiet], outcome.Two: metrics[metricChanging]}
			}
			switch {
			case err != nil:
				r.failed(row.ID, yushan, round, err)
			case !(value > 0):
				r.Row(row.ID).Missing = "this yushan has no benchmark of changes"
			default:
				r.Row(row.ID).Add(yushan, outcome.Sample{Round: round, Value: value, Extra: extra, Others: others})
				r.Say("%-14s %-9s round %d  %9.4g %s", row.ID, yushan, round, value, row.Unit)
			}
		}
		if err := r.save(); err != nil {
			return err
		}
		if err == nil && metrics[metricChange] == 0 {
			break // there is none in any round
		}
	}
	return nil
}

// parseBenchmark reads the metrics of the first benchmark in the output of go test, by
// their units.
func parseBenchmark(text string) map[string]float64 {
	metrics := map[string]float64{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if value, err := strconv.ParseFloat(fields[i], 64); err == nil {
				metrics[fields[i+1]] = value
			}
		}
		break
	}
	return metrics
}
