// Package client sends queries to a server by dnsperf or yushan-bench, as programs of their
// own, and tells what came of them. All run a closed loop: so many queries are under way, and
// an answer makes room for the next. What is compared is the server's time for an answer; how
// many there are a second depends on what the client leaves of the machine.
//
//	Load ──► dnsperf, or yushan-bench run ──► Count
//
// It may import bench/result and bench/versus/contender.
package client
