package udp

import (
	"runtime"
	"sync"
)

// processors keeps a P for each worker that serves, beside those that the process
// has otherwise; see "Waiting and the Go scheduler". There is one GOMAXPROCS in
// a process, and so one of these.
var processors extra

type extra struct {
	mu sync.Mutex
	n  int // what GOMAXPROCS was raised by
}

func (e *extra) raise(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n += n
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + n)
}

func (e *extra) lower(n int) { e.raise(-n) }

// others is GOMAXPROCS without what it was raised by.
func (e *extra) others() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return runtime.GOMAXPROCS(0) - e.n
}
