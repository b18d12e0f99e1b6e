package main

import (
	"strings"
	"testing"
	"time"

	"yushan/zone/dname"
)

// TestProgressWithoutTerminal leaves the clock out: what is shown when is set by
// hand.
func TestProgressWithoutTerminal(t *testing.T) {
	name, err := dname.ParseFQDN("台灣")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	p := newProgress(&out, "reading", "laying out")
	long := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		b := p.bars[string(name)]
		b.since, b.said = b.since.Add(-time.Hour), b.said.Add(-time.Hour)
	}
	expect := func(want string) {
		t.Helper()
		p.mu.Lock() // a timer writes, too
		defer p.mu.Unlock()
		if got := out.String(); got != want {
			t.Errorf("expected %q, have %q", want, got)
		}
		out.Reset()
	}
	p.Read(name, 10, 100)
	expect("") // it has only just begun
	long()
	p.Read(name, 40, 100)
	expect("reading 台灣. (xn--kpry57d.): 40 %\n")
	p.Read(name, 50, 100)
	expect("") // the last line is not old
	b := p.bars[string(name)]
	p.Read(name, 100, 100)
	written := func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return out.Len() > 0
	}
	for end := time.Now().Add(testPatience); !written() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	expect("laying out 台灣. (xn--kpry57d.)\n")
	p.Done(name)
	p.follow(name, b)
	expect("") // it is done
	p.finish()
	p.Read(name, 10, 100)
	expect("")
}
