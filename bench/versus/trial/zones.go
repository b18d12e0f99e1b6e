package trial

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"yushan/bench/versus/outcome"
)

// zoneFiles are a zone and queries for it.
type zoneFiles struct{ zone, queries, flood string }

// Queries that are written: more than there are delegations would be asked for twice.
const (
	fewestQueries = 1_000
	mostQueries   = 1_000_000
)

// makeZone returns the files of a zone of so many delegations, which are made if they
// aren't there.
func (r *run) makeZone(ctx context.Context, name string, delegations int, signed bool) (z zoneFiles, err error) {
	base := filepath.Join(r.Dir, "tw-"+strconv.Itoa(delegations))
	if signed {
		base += "-signed"
	}
	z = zoneFiles{base + ".zone", base + ".queries", base + ".flood"}
	count := strconv.Itoa(min(max(2*delegations, fewestQueries), mostQueries))
	args := []string{"zone", "--delegations", strconv.Itoa(delegations), "--count", count}
	if signed {
		args = append(args, "--sign", "opt-out")
	}
	commands := [][]string{append(slices.Clone(args), "--out", z.zone, "--queries", z.queries)}
	if signed {
		commands = append(commands, []string{"zone", "--delegations", strconv.Itoa(delegations), "--count", count, "--mix", "nxdomain=100", "--out", "/dev/null", "--queries", z.flood})
	}
	var described []string
	for _, c := range commands {
		described = append(described, "yushan-bench "+strings.ReplaceAll(strings.Join(c, " "), r.Dir+"/", ""))
	}
	// It is there if it was finished, and by the same program.
	stamp, mark := base+".made", fmt.Sprintf("%s\nyushan-bench %s\n", strings.Join(described, "\n"), r.Builds["yushan-bench"])
	if found, err := os.ReadFile(stamp); err != nil || string(found) != mark {
		if err := os.RemoveAll(stamp); err != nil {
			return z, err
		}
		r.Say("making a zone of %d delegations …", delegations)
		for _, args := range commands {
			if out, err := exec.CommandContext(ctx, r.Tools.YushanBench, args...).CombinedOutput(); err != nil {
				return z, fmt.Errorf("yushan-bench %s: %w\n%s", strings.Join(args, " "), err, out)
			}
		}
		if err := os.WriteFile(stamp, []byte(mark), 0o644); err != nil {
			return z, err
		}
	}
	bytes, err := warm(z.zone)
	if err != nil {
		return z, err
	}
	if !slices.ContainsFunc(r.Zones, func(known outcome.Zone) bool { return known.Name == name }) {
		r.Zones = append(r.Zones, outcome.Zone{Name: name, Command: strings.Join(described, "\n"), Bytes: bytes})
	}
	return z, nil
}

// warm reads a file, so that it is in the page cache, and returns its size.
func warm(path string) (bytes int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return io.Copy(io.Discard, file)
}

// nextSerial adds one to the serial of a zone that yushan-bench has made, in place, and
// returns it.
func nextSerial(path string) (serial uint32, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	head := make([]byte, 4096)
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return 0, err
	}
	const before = " hostmaster"
	at := bytes.Index(head[:n], []byte(before))
	if at < 0 {
		return 0, fmt.Errorf("%s: no SOA record that could be changed", path)
	}
	for at += len(before); at < n && (head[at] < '0' || head[at] > '9'); at++ {
	}
	end := at
	for end < n && head[end] >= '0' && head[end] <= '9' {
		end++
	}
	value, err := strconv.ParseUint(string(head[at:end]), 10, 32)
	if err != nil || value == math.MaxUint32 {
		return 0, fmt.Errorf("%s: serial %q: expected a number that has a next one", path, head[at:end])
	}
	text := strconv.FormatUint(value+1, 10)
	if len(text) != end-at {
		return 0, fmt.Errorf("%s: serial %s has another length than the one before", path, text)
	}
	_, err = file.WriteAt([]byte(text), int64(at))
	return uint32(value + 1), err
}
