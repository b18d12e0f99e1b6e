package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
	code := m.Run()
	os.RemoveAll(builds)
	os.Exit(code)
}

var builds string // directory

// built is a yushan that is the same all the time, and is built once.
var built = sync.OnceValues(func() (program string, err error) {
	if builds, err = os.MkdirTemp("", "yushan-versus-"); err != nil {
		return "", err
	}
	source, err := checkout(context.Background())
	if err != nil {
		return "", err
	}
	program = filepath.Join(builds, "yushan")
	return program, build(context.Background(), source, program, "./cmd/yushan")
})

func useBuilt(t *testing.T) {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("YUSHAN", program)
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
	useBuilt(t)
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

// The rows about changes are of the checkout, which no program that has been built before
// stands for.
func TestChangeRows(t *testing.T) {
	require(t)
	dir := t.TempDir()
	base := filepath.Join(dir, "change")
	code, _, stderr := execute("--rows", "change,change-latency", "--client", "yushan-bench", "--large", "1000", "--rounds", "1", "--seconds", "0.2", "--out", base, "--dir", dir)
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	o := load(t, base+".json")
	for _, text := range lacking(o) {
		t.Error(text)
	}
	if len(o.Rows) != 2 || o.Rows[0].Missing+o.Rows[1].Missing != "" {
		t.Errorf("rows %+v, expected two with figures", o.Rows)
	}
}

// lacking are the figures that are not there.
func lacking(o *outcome.Outcome) (texts []string) {
	peers := map[string]string{"udp": "nsd knot bind c-echo go-echo", "udp-signed": "nsd knot bind", "flood": "nsd knot bind", "tcp": "nsd knot bind go-echo", "dot": "nsd bind go-echo", "dot-together": "nsd bind go-echo",
		"doh": "bind", "doh-get": "bind", "doq": "go-echo", "doq-few": "go-echo", "tcp-connect": "nsd knot bind", "dot-full": "nsd bind", "dot-resumed": "nsd bind",
		"load": "nsd knot bind", "image": "nsd knot bind", "memory": "nsd knot bind", "memory-signed": "nsd knot bind", "reload": "nsd knot bind", "growth": "nsd knot bind"}
	for i := range o.Rows {
		row := &o.Rows[i]
		if row.Missing != "" && strings.HasPrefix(row.ID, "change") {
			continue // TestChangeRows has them
		}
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
	useBuilt(t)
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
	for _, other := range []string{"--rounds=7", "--client=yushan-bench"} {
		if code, _, stderr := execute(append(args, "--resume", base+".json.tmp", other)...); code != cli.ExitUsage {
			t.Errorf("with %s: exit %d\n%s", other, code, stderr)
		}
	}
	args = args[4:] // rows and peers are those that it was begun with
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
	if len(o.Rows) != 1 || len(o.Row("udp").Entries) != 4 {
		t.Errorf("more is there than was begun with: %d rows, %d servers", len(o.Rows), len(o.Row("udp").Entries))
	}
}

// Figures of another machine or another build are not gone on with, and stay as they are.
func TestResumeElsewhere(t *testing.T) {
	require(t)
	useBuilt(t)
	dir := t.TempDir()
	base := filepath.Join(dir, "udp")
	args := []string{"--dir", filepath.Join(dir, "work")}
	code, _, stderr := execute(append(args, "--rows", "udp", "--peers", "nsd", "--client", "yushan-bench", "--delegations", "300", "--rounds", "1", "--seconds", "0.1", "--out", base)...)
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	for name, tt := range map[string]struct {
		change func(*outcome.Outcome)
		want   string
	}{
		"machine":      {func(o *outcome.Outcome) { o.Machine.ID = "1" }, "another machine"},
		"processor":    {func(o *outcome.Outcome) { o.Machine.Processor = "6502" }, "another processor"},
		"memory":       {func(o *outcome.Outcome) { o.Machine.MemoryBytes /= 2 }, "of memory"},
		"pinning":      {func(o *outcome.Outcome) { o.Settings.ServerCPUs = "63" }, "63"},
		"yushan":       {func(o *outcome.Outcome) { o.Builds["yushan"] = "1" }, "yushan is another build"},
		"peer":         {func(o *outcome.Outcome) { o.Builds["nsd"] = "1" }, "nsd is another build"},
		"client":       {func(o *outcome.Outcome) { o.Builds["yushan-bench"] = "1" }, "yushan-bench is another build"},
		"no knowledge": {func(o *outcome.Outcome) { o.Builds = nil }, "another build"},
	} {
		o := load(t, base+".json")
		o.Settings.Rounds = 2
		tt.change(o)
		path := filepath.Join(dir, "other.json")
		if err := replace(path, o.Write); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		code, _, stderr := execute(append(args, "--resume", path)...)
		if code != cli.ExitError || !strings.Contains(stderr, tt.want) || !strings.Contains(stderr, "begin anew") {
			t.Errorf("%s: exit %d, expected an error with %q\n%s", name, code, tt.want, stderr)
		}
		after, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(after, before) {
			t.Errorf("%s: the figures that were there are changed, %v", name, err)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "other*")); len(files) != 1 {
			t.Errorf("%s: something is written: %q", name, files)
		}
	}
}

// wrapped puts a script before a program in PATH. In it $n is how often a server has been
// started by it, and $real is the program.
func wrapped(t *testing.T, program, script string) {
	t.Helper()
	dir := t.TempDir()
	real, err := exec.LookPath(program)
	if err != nil {
		if real, err = exec.LookPath("/usr/sbin/" + program); err != nil {
			t.Fatal(err)
		}
	}
	text := fmt.Sprintf("#!/bin/bash\nreal=%s\n[ \"$1\" = -v ] && exec $real -v\necho >>%s/starts\nn=$(wc -l <%[2]s/starts)\n%s\nexec $real \"$@\"\n", real, dir, script)
	if err := os.WriteFile(filepath.Join(dir, program), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// A server that can't be started in one round, and ends by itself in another, has figures of
// all that it stood, and takes nothing from the others; what is missing can be had later.
func TestServerThatFails(t *testing.T) {
	require(t)
	useBuilt(t)
	// Whoever is asked is told to go on by SIGCONT.
	wrapped(t, "nsd", `[ $n = 1 ] && exit 3
if [ $n = 2 ]; then
	$real "$@" &
	trap 'kill -9 $!; exit 4' CONT
	wait
	exit 5
fi`)
	dir := t.TempDir()
	base := filepath.Join(dir, "failing")
	args := []string{"--dir", filepath.Join(dir, "work")}
	code, stdout, stderr := execute(append(args, "--rows", "udp,tcp", "--peers", "nsd,knot", "--client", "yushan-bench", "--delegations", "300", "--rounds", "2", "--seconds", "0.1", "--out", base)...)
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	rounds := func(row, server string) (list []int) {
		if e := load(t, base+".json").Row(row).Entry(server); e != nil {
			for _, s := range e.Samples {
				list = append(list, s.Round)
			}
		}
		slices.Sort(list)
		return list
	}
	for _, tt := range []struct {
		row, server string
		want        []int
	}{{"udp", "nsd", nil}, {"tcp", "nsd", []int{2}}, {"udp", "yushan", []int{1, 2}}, {"tcp", "knot", []int{1, 2}}} {
		if got := rounds(tt.row, tt.server); !slices.Equal(got, tt.want) {
			t.Errorf("%s, %s: figures of rounds %v, expected %v\n%s", tt.row, tt.server, got, tt.want, stderr)
		}
	}
	for _, want := range []string{"no figure: start nsd: it ended: exit status 3", "no figure in round 1: start nsd"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("expected %q in\n%s", want, stdout)
		}
	}
	if code, stdout, stderr = execute(append(args, "--resume", base+".json")...); code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	if udp, tcp := rounds("udp", "nsd"), rounds("tcp", "nsd"); len(udp) != 2 || len(tcp) != 2 || strings.Contains(stdout, "no figure") {
		t.Errorf("figures of rounds %v and %v after going on, and\n%s", udp, tcp, stdout)
	}
}

// It is an error if there is nothing of yushan, but what there is of others is shown.
func TestYushanThatFails(t *testing.T) {
	require(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "yushan")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n[ $1 = version ] && echo yushan odd\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("YUSHAN", program)
	code, stdout, stderr := execute("--rows", "udp,change", "--peers", "nsd", "--client", "yushan-bench", "--delegations", "300", "--rounds", "1", "--seconds", "0.1",
		"--dir", filepath.Join(dir, "work"), "--out", filepath.Join(dir, "odd"))
	if code != cli.ExitError || !strings.Contains(stderr, "no figures of yushan for udp\n") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	if !strings.Contains(stdout, "yushan: no figure: start yushan: it ended") || !strings.Contains(stdout, "\nNSD") || !strings.Contains(stdout, "Not measured: this is a benchmark of the checkout") {
		t.Errorf("the table is\n%s", stdout)
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
