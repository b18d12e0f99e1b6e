// Package load is what the transports of the load generator share: what to send to
// whom and how ([Options]), and one worker's part of it ([Work]).
//
//	bench ──► Work ──► udp.Run, stream.Run, overquic.Run
//	                        │ Schedule: when     (bench/pace)
//	                        │ Cursor:   what     (bench/query)
//	                        ▼
//	                   Recorder: what came of it (bench/measure); Judge: was it right
//
// A transport's Run sends what is due, matches answers to queries, gives up those
// that take too long, and records all of it. It returns when all queries have their
// end, or at once when told to.
//
// It may import bench/pace, bench/query and bench/measure.
package load
