package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yushan/bench/measure"
	"yushan/bench/procstat"
)

// A server that was started again during the run has used no negative time.
func TestObservedServerStartsAnew(t *testing.T) {
	var calls atomic.Int64
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cpu := 10 + calls.Add(1)
		if cpu > 14 {
			cpu = 1
		}
		fmt.Fprintf(w, "process_cpu_seconds_total %d\n", cpu)
	}))
	defer page.Close()
	observer, err := procstat.Open(page.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer observer.Close()
	r := &run{Config: &Config{Server: observer}, shape: measure.Shape{Classes: 1, Duration: time.Second, Interval: 5 * time.Millisecond}}
	done := r.observe(time.Now())
	for end := time.Now().Add(10 * time.Second); calls.Load() < 5; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			break
		}
	}
	s := done()
	if s.CPU != int64(2*time.Second) || !strings.Contains(s.Error, "started again") {
		t.Errorf("CPU time %s, error %q; expected 2s, and that it was started again", time.Duration(s.CPU), s.Error)
	}
}
