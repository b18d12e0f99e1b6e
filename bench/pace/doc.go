// Package pace says when queries are due.
//
// In an open loop each query has an intended send time that does not depend on
// the server: a server that stalls gets its queries all the same, and each
// waits from its intended time on. In a closed loop the next query is due when a
// place is free.
//
//	Plan (rate, ramp, arrival, duration) ──► Schedule, one a worker: Peek, Take
//
// Times are nanoseconds since the start of the run, on the monotonic clock. The
// package imports nothing of yushan.
package pace
