// Package testzone makes zones and queries for tests: small ones, whose names
// meet each other often, so that a few hundred of them reach every branch of
// an answer. The same seed always makes the same zones and queries (but
// ECDSA signatures differ from run to run).
//
//	zones := testzone.Generate(seed)             // unsigned; parent and child among them
//	zones, err := testzone.SignAll(ctx, zones)   // each in its own way
//	queries := testzone.NewQueries(seed, zones)
//	wire := queries.Next()                       // a query, sometimes a broken one
//
// [Parse] and [Zone.String] turn records into the text of a master file and
// back, so that a zone which a test failed with can be read, and kept.
package testzone
