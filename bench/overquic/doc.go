// Package overquic sends queries over QUIC: DNS over QUIC (RFC 9250) and DNS over
// HTTPS on HTTP/3 (RFC 8484, 9114).
//
//	pacer ──► dispatch ──► place ──► stream of a connection ──► server
//	            ▲            │ └──► Recorder, Judge
//	            └── free ◄───┘
//
// A place is what has one query at a time: a stream of a connection that persists, or
// a whole connection where each query gets one. It has a goroutine and buffers, which it
// keeps. What is due is given to a free place by whoever finds both, the pacer or a
// place that has just become free. Without a free one a query stays in the schedule, and
// its intended time stands.
//
// QUIC itself is quic-go's. HTTP/3 is a client's part of it here, as small as DNS needs:
// http3.RoundTripper would cost more than QUIC does.
//
// It may import bench/load and what that imports, bench/pace, and quic-go.
package overquic
