package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"yushan/internal/fakedns"
)

// names writes a file of n queries for different names, which tell their place in it.
func names(t *testing.T, n int) (path string) {
	t.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "q%06d.example A\n", i)
	}
	path = filepath.Join(t.TempDir(), "queries")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// placeOf is the place of a query in the file of [names]; -1 if it is none.
func placeOf(q *fakedns.Query) int {
	digits, ok := strings.CutPrefix(strings.TrimSuffix(q.Name(), ".example."), "q")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil {
		return -1
	}
	return n
}

// against is the arguments for a run of [names] against a fake server. The run sends each
// of n queries once: the first few come before, too, to see whether there is a server, until
// one is answered.
func against(t *testing.T, s *fakedns.Server, n int, more ...string) []string {
	return append([]string{"--server", s.Addr.String(), "--transport", string(s.Transport), "--queries", names(t, n), "--limit", strconv.Itoa(n)}, more...)
}

// probes is how many queries may come before a run.
const probes = 3

// asked are the exchanges of a run by the place of their query: the last of each.
func asked(t *testing.T, s *fakedns.Server, n int) []fakedns.Exchange {
	t.Helper()
	exchanges := make([]fakedns.Exchange, n)
	for _, e := range s.Exchanges() {
		if place := placeOf(&e.Query); place >= 0 && place < n {
			exchanges[place] = e
		}
	}
	return exchanges
}

// tenth follows one script for each tenth query, from the tenth on, and else the other.
func tenth(odd, usual fakedns.Script) fakedns.Script {
	return func(q *fakedns.Query) fakedns.Reply {
		if placeOf(q)%10 == 9 {
			return odd(q)
		}
		return usual(q)
	}
}
