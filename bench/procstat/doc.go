// Package procstat observes the server under test from outside: how much time it had
// on processors, how much memory it has, and how many threads. [OwnCPU] and [ThreadCPU]
// tell the time that the load generator itself had.
//
//	"1234"                            ──► /proc, and the CPU clocks of processes ─┐
//	"http://127.0.0.1:9090/metrics"   ──► Prometheus' text format                 ─┴─► Sample
//
// A process is observed with its descendants: NSD answers in children. What it had is
// summed up over all of them, those that have ended since included.
//
// It imports nothing of yushan, and runs on Linux.
package procstat
