// Package trial runs the comparison: it makes zones, starts servers by turns, sends
// queries, and writes down what came of it.
//
//	rows.go      what is measured, and what it shall come to
//	queries.go   CPU time a query and handshakes: servers of a zone run at once, stopped by
//	             SIGSTOP but for the one that is asked; each round asks them in another order
//	large.go     load, memory, reload, start from a compiled zone: one server at a time
//	growth.go    the same with one worker and with two
//	huge.go      the largest zone, beside a small one
//	change.go    yushan's own benchmark of changes to a zone in service
//
// What is there already is not measured again, so that a comparison that was broken off can be
// gone on with: after each figure the outcome is saved. That is refused where any program is
// another build than the one that there are figures of. What fails of one server in one round
// is noted there, and costs no other figure.
//
// It may import bench/versus/client, contender and outcome.
package trial
