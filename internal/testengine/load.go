package testengine

import (
	"os"
	"os/exec"
	"testing"

	"yushan/internal/cputime"
)

// MeasureLoad runs this test binary again, with additional variables that make it
// send b.N queries, and reports what they cost this process, which serves.
func MeasureLoad(b *testing.B, variables ...string) {
	load := exec.Command(os.Args[0])
	load.Env = append(os.Environ(), variables...)
	load.Stderr = os.Stderr
	b.ReportAllocs()
	b.ResetTimer()
	before := cputime.Used(b)
	if err := load.Run(); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64((cputime.Used(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/query")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
}
