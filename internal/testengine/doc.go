// Package testengine is what the frontends' tests share: an engine to answer
// queries, queries that it can answer, and the check that an answer is theirs.
package testengine
