package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"yushan/bench/versus/outcome"
	"yushan/bench/versus/trial"
	"yushan/internal/cli"
	"yushan/internal/peer"
)

// TestMain plays the echo, which the comparison starts as a program of its own.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "echo" {
		main()
	}
	os.Exit(m.Run())
}

// execute runs the command as a user would, apart from the working directory.
func execute(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = program().Run(args, cli.Console{Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

func require(t *testing.T) {
	t.Helper()
	peer.Require(t, peer.NSD, peer.Knot, peer.BIND)
	peer.Tool(t, "dnsperf", "dnsperf")
	peer.Tool(t, "named-compilezone", "bind9-utils")
	peer.Tool(t, "taskset", "util-linux")
	peer.Tool(t, "cc", "gcc")
	// A Knot or CoreDNS of the developer's would take part.
	t.Setenv("KNOTD", "")
	t.Setenv("YUSHAN", "")
}

func load(t *testing.T, path string) *outcome.Outcome {
	t.Helper()
	o, err := readOutcome(path)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// All rows come to figures of yushan and of all peers that are there, by one round with
// small zones; and all files of the report are written.
func TestEveryRow(t *testing.T) {
	require(t)
	dir := t.TempDir()
	base := filepath.Join(dir, "results", "all")
	work := filepath.Join(dir, "work")
	code, stdout, stderr := execute("--peers", "nsd,knot,bind", "--client", "yushan-bench", "--delegations", "300", "--large", "1000", "--huge", "2000",
		"--rounds", "1", "--seconds", "0.2", "--out", base, "--dir", work)
	if code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	// A machine that has no time for a server in a fifth of a second has some later.
	for try := 0; try < 2 && len(lacking(load(t, base+".json"))) > 0; try++ {
		if code, stdout, stderr = execute("--resume", base+".json", "--dir", work); code != 0 {
			t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
		}
	}
	o := load(t, base+".json")
	if len(o.Rows) != len(trial.Rows()) {
		t.Errorf("%d rows, expected %d", len(o.Rows), len(trial.Rows()))
	}
	for _, text := range lacking(o) {
		t.Error(text)
	}
	files, err := filepath.Glob(base + "*")
	if err != nil {
		t.Fatal(err)
	}
	var endings []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(work)) {
			t.Errorf("%s has paths of this machine in it", file)
		}
		if filepath.Ext(file) == ".svg" {
			wellFormed(t, text)
		}
		endings = append(endings, strings.TrimPrefix(file, base))
	}
	if want := []string{"-group1.svg", "-group2.svg", "-group3.svg", "-group4.svg", "-overview.svg", ".json", ".md"}; !slices.Equal(endings, want) {
		t.Errorf("files %q, expected %q", endings, want)
	}
	if !strings.Contains(stdout, "targets reached") || !strings.Contains(stdout, "UDP, µs/query") {
		t.Errorf("the table is\n%s", stdout)
	}
	if code, stdout, stderr := execute("report", base+".json", "--out", filepath.Join(dir, "again")); code != 0 || !strings.Contains(stdout, "again.md") {
		t.Errorf("report: exit %d\n%s%s", code, stdout, stderr)
	}
}

// lacking are the figures that are not there.
func lacking(o *outcome.Outcome) (texts []string) {
	peers := map[string]string{"udp": "nsd knot bind c-echo go-echo", "udp-signed": "nsd knot bind", "flood": "nsd knot bind", "tcp": "nsd knot bind go-echo", "dot": "nsd bind go-echo", "dot-together": "nsd bind go-echo",
		"doh": "bind", "doh-get": "bind", "doq": "go-echo", "doq-few": "go-echo", "tcp-connect": "nsd knot bind", "dot-full": "nsd bind", "dot-resumed": "nsd bind",
		"load": "nsd knot bind", "image": "nsd knot bind", "memory": "nsd knot bind", "memory-signed": "nsd knot bind", "reload": "nsd knot bind", "growth": "nsd knot bind"}
	for i := range o.Rows {
		row := &o.Rows[i]
		for _, id := range append(strings.Fields(peers[row.ID]), outcome.Yushan) {
			e := row.Entry(id)
			if e == nil || len(e.Samples) != 1 || !(e.Samples[0].Value > 0) {
				texts = append(texts, fmt.Sprintf("%s: of %s there is %+v", row.ID, id, e))
			}
		}
	}
	return texts
}

func wellFormed(t *testing.T, text []byte) {
	t.Helper()
	for decoder := xml.NewDecoder(bytes.NewReader(text)); ; {
		if _, err := decoder.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
}

// A comparison that was broken off goes on: what is there stays, what is missing is
// measured.
func TestResume(t *testing.T) {
	require(t)
	dir := t.TempDir()
	base := filepath.Join(dir, "udp")
	args := []string{"--rows", "udp", "--peers", "nsd", "--dir", filepath.Join(dir, "work")}
	code, _, stderr := execute(append(args, "--delegations", "300", "--rounds", "2", "--seconds", "0.2", "--out", base)...) // dnsperf asks for a second
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	o := load(t, base+".json")
	before := slices.Clone(o.Row("udp").Entry("yushan").Samples)
	e := o.Row("udp").Entry("nsd")
	first := e.Samples[0]
	e.Samples = e.Samples[:1]
	if err := replace(base+".json.tmp", o.Write); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := execute(append(args, "--resume", base+".json.tmp", "--rounds", "7")...); code != cli.ExitUsage {
		t.Errorf("with other settings: exit %d\n%s", code, stderr)
	}
	if code, _, stderr = execute(append(args, "--resume", base+".json.tmp")...); code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	o = load(t, base+".json")
	own, other := o.Row("udp").Entry("yushan").Samples, o.Row("udp").Entry("nsd").Samples
	if len(own) != 2 || own[0].Value != before[0].Value || own[1].Value != before[1].Value {
		t.Errorf("what was there is %v, expected %v", own, before)
	}
	if len(other) != 2 || other[0].Value != first.Value || other[1].Round != 2 {
		t.Errorf("what was missing is %v, expected another round after %v", other, first)
	}
}

func TestUsage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"--rows udp,tpc", cli.ExitUsage, "tpc"},
		{"--peers powerdns", cli.ExitUsage, "powerdns"},
		{"--rounds -1", cli.ExitUsage, "-1"},
		{"--seconds -2", cli.ExitUsage, "-2"},
		{"--client drill", cli.ExitUsage, "drill"},
		{"--resume /nowhere", cli.ExitUsage, "/nowhere"},
		{"--resume " + file, cli.ExitError, "format 0"},
		{"report " + file, cli.ExitError, "format 0"},
		{"report", cli.ExitUsage, "file"},
	} {
		code, stdout, stderr := execute(strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: exit %d, %q%q; expected %d, %q", tt.args, code, stdout, stderr, tt.code, tt.want)
		}
	}
	if code, stdout, _ := execute("rows"); code != 0 || !strings.Contains(stdout, "doq-few") {
		t.Errorf("rows: exit %d\n%s", code, stdout)
	}
	if code, stdout, _ := execute("--help"); code != 0 || !strings.Contains(stdout, "report") {
		t.Errorf("--help: exit %d\n%s", code, stdout)
	}
}
