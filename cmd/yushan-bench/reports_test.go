package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/net/html"

	"yushan/bench/result"
	"yushan/bench/result/sample"
	"yushan/internal/fakedns"
)

// TestReports has all reports written and reads them again: they tell the same.
func TestReports(t *testing.T) {
	const n = 600
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	s := fakedns.Start(t, fakedns.UDP, tenth(fakedns.RCode(3), fakedns.Delayed(fakedns.Uniform(20*time.Millisecond, 80*time.Millisecond, 1), fakedns.Good)))
	o := measured(t, against(t, s, n, "--rate", "200", "--duration", "3s", "--timeout", "30s", "--title", "Reports & <tests>",
		"--csv", file("csv"), "--html", file("html"), "--hdr-log", file("hlog"), "--hgrm", file("hgrm"))...)
	if o.code != 0 || o.Total.Answered != n {
		t.Fatalf("exit %d, %+v", o.code, o.Total.Counts)
	}
	if o.Title != "Reports & <tests>" || o.Version == "" || o.Machine.Cores == 0 || o.Client.CPU == 0 || o.Started.IsZero() || o.Seconds < 2.9 || o.Seconds > 3 {
		t.Errorf("result %q of version %q, %g s from %s on %+v", o.Title, o.Version, o.Seconds, o.Started, o.Machine)
	}
	for _, text := range []string{"Reports & <tests>", "all of 600", "NXDOMAIN 60 (10", "server " + s.Addr.String()} {
		if !strings.Contains(o.stdout, text) {
			t.Errorf("the report lacks %q", text)
		}
	}
	t.Run("CSV", func(t *testing.T) { checkCSV(t, read(t, file("csv")), o) })
	t.Run("HTML", func(t *testing.T) { checkHTML(t, read(t, file("html")), "Reports & <tests>") })
	t.Run("log", func(t *testing.T) {
		f, err := os.Open(file("hlog"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		log := hdrhistogram.NewHistogramLogReader(f)
		intervals, answers := 0, int64(0)
		for {
			h, err := log.NextIntervalHistogram()
			if err != nil {
				t.Fatal(err)
			}
			if h == nil {
				break
			}
			intervals++
			answers += h.TotalCount()
		}
		if intervals != len(o.Intervals) || answers != n {
			t.Errorf("%d histograms of %d intervals, %d answers", intervals, len(o.Intervals), answers)
		}
	})
	t.Run("percentiles", func(t *testing.T) {
		text := read(t, file("hgrm"))
		count := regexp.MustCompile(`Total count +[=:] +(\d+)`).FindStringSubmatch(text)
		if count == nil || count[1] != strconv.Itoa(n) || !strings.Contains(text, "Percentile") {
			t.Errorf("got\n%s\nexpected %d answers", text, n)
		}
	})
}

func checkCSV(t *testing.T, text string, o outcome) {
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range lines[0] {
		column[name] = i
	}
	if len(lines)-1 != len(o.Intervals) {
		t.Fatalf("%d lines of %d intervals", len(lines)-1, len(o.Intervals))
	}
	sums := map[string]uint64{}
	for i, line := range lines[1:] {
		for _, name := range []string{"due", "sent", "answered", "lost", "unsent", "noerror", "nxdomain", "sent_bytes", "received_bytes"} {
			v, err := strconv.ParseUint(line[column[name]], 10, 64)
			if err != nil {
				t.Fatalf("line %d, %s: %v", i+2, name, err)
			}
			sums[name] += v
		}
		p50, err := strconv.ParseFloat(line[column["p50_us"]], 64)
		if want := o.Intervals[i].Latency.Quantile(0.5); err != nil || int64(p50*1e3) != int64(want) {
			t.Errorf("line %d: p50 %g µs, %v, expected %s", i+2, p50, err, want)
		}
	}
	c := &o.Total.Counts
	for name, want := range map[string]uint64{"due": c.Due, "sent": c.Sent, "answered": c.Answered, "lost": c.Lost, "unsent": c.Unsent,
		"noerror": c.RCodes[0], "nxdomain": c.RCodes[3], "sent_bytes": c.SentBytes, "received_bytes": c.ReceivedBytes} {
		if sums[name] != want {
			t.Errorf("column %s: %d in all, expected %d", name, sums[name], want)
		}
	}
}

// checkHTML checks that a page is whole, has plots, shows the title as text, and needs nothing from
// elsewhere.
func checkHTML(t *testing.T, text, title string) {
	t.Helper()
	page, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	elements, shown := map[string]int{}, false
	for node := range page.Descendants() {
		if node.Type == html.TextNode {
			shown = shown || strings.Contains(node.Data, title)
		}
		if node.Type != html.ElementNode {
			continue
		}
		elements[node.Data]++
		for _, a := range node.Attr {
			switch a.Key {
			case "src", "href", "xlink:href", "action", "data", "poster", "srcset":
				if !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "data:") {
					t.Errorf("<%s %s=%q> needs another file", node.Data, a.Key, a.Val)
				}
			}
		}
	}
	if outside := regexp.MustCompile(`(?i)(@import|url\(\s*['"]?(https?:|//)|fetch\(|XMLHttpRequest|WebSocket)`).FindString(text); outside != "" {
		t.Errorf("the page has %q", outside)
	}
	if !shown || elements["svg"] < 3 || elements["table"] < 1 || elements["title"] != 1 || elements["style"] < 1 || !strings.HasSuffix(strings.TrimSpace(text), "</html>") {
		t.Errorf("title shown: %v, elements: %v", shown, elements)
	}
}

// TestReportsThatCannotBeWritten doesn't keep the others from being.
func TestReportsThatCannotBeWritten(t *testing.T) {
	s := fakedns.Start(t, fakedns.UDP, fakedns.Good)
	page := filepath.Join(t.TempDir(), "page.html")
	o := measured(t, against(t, s, 10, "--rate", "100", "--duration", "1s", "--timeout", "30s", "--csv", "/dev/full", "--html", page)...)
	if o.code != 1 || !strings.Contains(o.stderr, "/dev/full") || !strings.Contains(o.stdout, "all of 10") {
		t.Errorf("exit %d", o.code)
	}
	checkHTML(t, read(t, page), "UDP")
}

// TestConditions has conditions that are true and ones that are not.
func TestConditions(t *testing.T) {
	s := fakedns.Start(t, fakedns.UDP, tenth(fakedns.Silent, fakedns.Delayed(fakedns.Fixed(100*time.Millisecond), fakedns.Good)))
	conditions := map[string]bool{
		"p50>50ms": true, "p50<50ms": false, "max>60s": false, "min<50ms": false, "loss>5%": true, "loss>50%": false, "loss<=0.1": true,
		"rate<1": false, "rate<1k": true, "servfail>0": false, "odd>0": false, "truncated>0%": false,
		"cpu>1s": true, "wrong>0": true, "handshake.p99>1s": true, // figures that this run doesn't have
	}
	args := against(t, s, 100, "--rate", "100", "--duration", "1s", "--timeout", "6s")
	all, code := args, 1
	for condition, fails := range conditions {
		all = append(all, "--fail", condition)
		if !fails {
			args = append(args, "--fail", condition)
		}
	}
	for _, args := range [][]string{all, args} {
		o := measured(t, args...)
		if o.code != code {
			t.Errorf("exit %d, expected %d", o.code, code)
		}
		for condition, fails := range conditions {
			if said := strings.Contains(o.stderr, "failed: "+condition+":"); said != (fails && code == 1) {
				t.Errorf("%s is said to have failed: %v", condition, said)
			}
		}
		code = 0
	}
}

// TestCompare compares a real run with itself, and runs that never were, whose differences no busy
// machine decides.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	s := fakedns.Start(t, fakedns.UDP, fakedns.Good)
	o := measured(t, against(t, s, 600, "--rate", "200", "--duration", "3s", "--timeout", "30s")...)
	save := func(r *result.Result, name string) string {
		r.Title = name
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := r.Write(f); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o.Client.Limits = nil // whatever this machine says
	save(o.Result, "real")
	fast := save(sample.Run(sample.Options{Seed: 1, Rate: 2000}), "fast")
	slow := save(sample.Run(sample.Options{Seed: 2, Rate: 2000, Median: time.Millisecond}), "slow")
	lossy := save(sample.Run(sample.Options{Seed: 3, Rate: 2000, Loss: 0.1}), "lossy")
	limited := save(sample.Limited(2000), "limited")
	for _, tt := range []struct{ a, b, says string }{
		{real, real, "No difference between"},
		{fast, slow, "slow is worse than fast: p"},
		{slow, fast, "fast is better than slow: p"},
		{fast, lossy, " it lost 18"},
		{fast, limited, "In limited the load generator was the limit"},
	} {
		name := filepath.Base(tt.a) + " and " + filepath.Base(tt.b)
		t.Run(name, func(t *testing.T) {
			page := filepath.Join(t.TempDir(), "page.html")
			o := execute(t, "compare", tt.a, tt.b, "--html", page)
			if o.code != 0 || !strings.Contains(o.stdout, tt.says) || !strings.Contains(o.stdout, "95 % interval") {
				t.Errorf("exit %d, expected %q in\n%s%s", o.code, tt.says, o.stdout, o.stderr)
			}
			checkHTML(t, read(t, page), filepath.Base(tt.b))
		})
	}
	for _, args := range [][]string{{fast, "/nonexistent"}, {fast}, {fast, filepath.Join("..", "..", "go.mod")}} {
		if o := execute(t, append([]string{"compare"}, args...)...); o.code == 0 || o.stderr == "" {
			t.Errorf("compare %v: exit %d, %q", args, o.code, o.stderr)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSearch looks for the rate of a server that answers a part of the queries only when more than a
// few hundred come in a second.
func TestSearch(t *testing.T) {
	const capacity = 300
	var last []time.Time
	s := fakedns.Start(t, fakedns.UDP, func(q *fakedns.Query) fakedns.Reply {
		last = append(last, q.Received)
		for len(last) > 0 && q.Received.Sub(last[0]) > time.Second {
			last = last[1:]
		}
		if len(last) > capacity {
			return fakedns.Reply{}
		}
		return fakedns.Delayed(fakedns.Fixed(50*time.Millisecond), fakedns.Good)(q)
	})
	o := measured(t, "--server", s.Addr.String(), "--queries", names(t, 5000), "--search", "--keep", "loss<2%", "--keep", "p99<20s", "--rate", "100", "--most", "2k",
		"--step", "1500ms", "--duration", "2s", "--timeout", "1s")
	found := o.Search
	if found == nil || fmt.Sprint(found.Keep) != "[loss<2% p99<20s]" || len(found.Steps) < 3 {
		t.Fatalf("exit %d, search %+v", o.code, found)
	}
	// A second of a higher rate would lose something.
	if found.Rate > capacity*1.2 {
		t.Errorf("found %g queries/s, the server answers %d", found.Rate, capacity)
	}
	for _, step := range found.Steps {
		if step.Rate > capacity*1.2 && len(step.Broken) == 0 {
			t.Errorf("at %g queries/s nothing is said to be broken", step.Rate)
		}
	}
	if found.Rate == 0 && o.code != 1 || found.Rate > 0 && (o.code != 0 || !strings.Contains(o.stdout, "loss<2")) {
		t.Errorf("exit %d with a rate of %g queries/s", o.code, found.Rate)
	}
	t.Run("no rate", func(t *testing.T) {
		s := fakedns.Start(t, fakedns.UDP, fakedns.Delayed(fakedns.Fixed(100*time.Millisecond), fakedns.Good))
		o := measured(t, "--server", s.Addr.String(), "--queries", names(t, 100), "--search", "--keep", "p50<50ms", "--rate", "4", "--step", "1s", "--duration", "1s")
		if o.code != 1 || o.Search == nil || o.Search.Rate != 0 || !strings.Contains(o.stderr, "no rate kept the conditions") {
			t.Errorf("exit %d, search %+v", o.code, o.Search)
		}
	})
}
