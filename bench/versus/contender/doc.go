// Package contender runs the servers that are compared: finds them, writes their
// configurations, starts and stops them, and watches what they use.
//
//	Find ──► Contender ──► Start ──► Process: first answer, CPU time, memory, reload
//	           └─ nsd.go, knot.go, bind.go, coredns.go, yushan.go, echo.go
//
// Each server is configured for what is measured and for nothing else: no recursion, no
// transfers, no rate limit, no cookies, no statistics, no query log; limits of connections far
// above what the load needs; as many workers as are asked for; and the same zone file,
// certificate and processors as the others. A configuration is part of the outcome, so that its
// reader can judge whether it is fair.
//
// It may import bench/procstat and bench/versus/outcome.
package contender
