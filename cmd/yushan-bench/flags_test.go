package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"yushan/bench/threshold"
	"yushan/internal/fakedns"
)

// TestSearchKeepsLoss: whatever conditions are given, one is about loss.
func TestSearchKeepsLoss(t *testing.T) {
	for given, want := range map[string]string{
		"":                 "[p99<5ms loss<0.1%]",
		"p50<1ms":          "[p50<1ms loss<0.1%]",
		"p50<1ms loss<10%": "[p50<1ms loss<10%]",
		"Loss < 2%":        "[Loss<2%]",
	} {
		var f searchFlags
		fields := strings.Fields(given)
		if strings.Contains(given, " < ") {
			fields = []string{given}
		}
		for _, text := range fields {
			condition, err := threshold.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			f.Keep = append(f.Keep, condition)
		}
		if got := fmt.Sprint(f.keep()); got != want {
			t.Errorf("--keep %q keeps %s, expected %s", given, got, want)
		}
	}
}

// TestBoundOfSearches: each trial is a run of its own.
func TestBoundOfSearches(t *testing.T) {
	var c runCommand
	c.Search, c.Most.value, c.Duration, c.Rate = true, 1000, timespan{time.Second}, rates{10, 10}
	addr, err := lookUp(t.Context(), "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	for step, allowed := range map[time.Duration]bool{time.Second: true, time.Minute: true, time.Hour: false} {
		c.Step.Duration = step
		var elsewhere target
		elsewhere.server = netip.AddrPortFrom(addr, 53)
		if _, err := c.plan(elsewhere); (err == nil) != allowed {
			t.Errorf("trials of %s on another machine: %v", step, err)
		}
	}
}

// TestMappedAddresses: an IPv4 address is one however it is written.
func TestMappedAddresses(t *testing.T) {
	addr, err := lookUp(t.Context(), "::ffff:192.0.2.1")
	if err != nil || addr.String() != "192.0.2.1" {
		t.Errorf("%s, %v; expected 192.0.2.1", addr, err)
	}
}

// TestInterruptBeforeTheRun: one signal is enough as long as there is nothing to report, even
// where queries are read from a pipe that has none.
func TestInterruptBeforeTheRun(t *testing.T) {
	stdin, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := prepare(t, "run", "--queries", "-")
	c.cmd.Stdin = stdin
	c.start()
	stdin.Close()
	// It reads when it has taken what is in the pipe.
	if _, err := io.WriteString(w, strings.Repeat("; nothing to ask\n", 1<<14)); err != nil {
		t.Fatal(err)
	}
	c.cmd.Process.Signal(syscall.SIGINT)
	if o := c.end(); o.code == 0 || o.Result != nil {
		t.Errorf("exit %d, result %v", o.code, o.Result)
	}
}

// TestVerdictsBesideUnwrittenReports: a file that can't be written hides no condition that failed.
func TestVerdictsBesideUnwrittenReports(t *testing.T) {
	s := fakedns.Start(t, fakedns.UDP, fakedns.Good)
	o := measured(t, against(t, s, 10, "--rate", "100", "--duration", "200ms", "--csv", "/dev/full", "--fail", "rate>0")...)
	if o.code != 1 || !strings.Contains(o.stderr, "/dev/full") || !strings.Contains(o.stderr, "failed: rate>0") {
		t.Errorf("exit %d: %s", o.code, o.stderr)
	}
}

// TestTimespan: a number alone is seconds, as dnsperf has it.
func TestTimespan(t *testing.T) {
	for text, want := range map[string]time.Duration{"30": 30 * time.Second, "0.5": 500 * time.Millisecond, "1m30s": 90 * time.Second, "250ms": 250 * time.Millisecond} {
		var s timespan
		if err := s.UnmarshalText([]byte(text)); err != nil || s.Duration != want {
			t.Errorf("%q: %s, %v; expected %s", text, s.Duration, err, want)
		}
	}
	for _, text := range []string{"", "ten", "10 s", "NaN", "1e300"} {
		var s timespan
		if err := s.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "expected a time") {
			t.Errorf("%q: %v, expected an error that says what a time looks like", text, err)
		}
	}
}
