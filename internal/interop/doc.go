// Package interop tests yushan from outside, over real sockets, against what
// others think is right. It has no code but tests:
//
//   - every delegation of the root zone, and thousands of names that it lacks,
//     are judged by the validator of internal/validate;
//   - knotd, nsd and named serve the same zones and get the same queries. A
//     difference is a failure, unless the table in explained_test.go says
//     why yushan's answer is right. A row of that table that explains nothing
//     is a failure too.
//
// The zones are testdata/*.zone, signed in each way, those of the lab, and the
// root zone. Files: sidebyside_test.go and root_test.go are the tests;
// queries_test.go and malformed_test.go make what is asked; answer_test.go says
// what counts in an answer; differences_test.go applies the table.
package interop
