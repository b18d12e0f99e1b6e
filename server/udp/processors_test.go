package udp

import (
	"context"
	"runtime"
	"testing"

	"yushan/internal/testengine"
)

// Each worker has a P of its own: what else the process does keeps its own, however
// many servers there are and in whichever order they end.
func TestProcessorsOfItsOwn(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	expect := func(when string, n int) {
		t.Helper()
		if got := runtime.GOMAXPROCS(0); got != n {
			t.Errorf("%s: GOMAXPROCS %d, expected %d", when, got, n)
		}
	}
	var ends []func()
	for _, workers := range []int{3, 0} { // 0: as many as the process has otherwise
		s, err := Listen(Config{Addr: loopback, Workers: workers}, testengine.New(t))
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve() }()
		exchange(t, dial(t, s.Addr()), testengine.Query(t, 1)) // it does serve
		ends = append(ends, func() {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
	expect("two servers", before+3+before)
	ends[0]()
	expect("one server", before+before)
	ends[1]()
	expect("no server", before)
}

// A server that was shut down before it served has raised nothing.
func TestProcessorsOfNone(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	s, err := Listen(Config{Addr: loopback, Workers: 2}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(); err != nil {
		t.Error(err)
	}
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("GOMAXPROCS %d, expected %d", got, before)
	}
}
