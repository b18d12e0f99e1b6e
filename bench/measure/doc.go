// Package measure counts what comes of queries while they are sent.
//
//	transports ──► Recorder, one a worker ──► Look (live view)
//	                                     └──► Fill, all of them together ──► result.Result
//
// A [Recorder] allocates nothing while it records. Its lock is taken once a batch by
// the transport, and now and then by who looks at it.
//
// It may import bench/result, whose types it fills.
package measure
