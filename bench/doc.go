// Package bench loads a DNS server with queries and measures what comes of them.
//
//	Config ──► Run ──► workers ──► udp, stream, overquic ──► server
//	            │         └─► measure.Recorder
//	            ├─ observes the server (bench/procstat) and shows progress
//	            └──► result.Result, with a verdict on whose limits it shows
//
//	Search runs again and again, for the highest rate that keeps conditions.
//
// A run is an open loop unless its plan has no rate: queries have intended send times
// that a slow server doesn't change, and latencies count from them.
//
// It may import its own parts below bench, and nothing of server, tls or zone.
package bench
