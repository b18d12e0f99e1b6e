// Package h2 is the server's side of HTTP/2 (RFC 9113) for DNS over HTTPS: bytes in,
// bytes out. It does no I/O, starts no goroutine and waits for nothing; what owns
// the connection calls [Conn.Answer] with what has arrived, and sends what comes back.
//
//	bytes in ─► conn.go        frame by frame
//	              │ request.go   HEADERS, CONTINUATION, DATA: a request, when it is complete
//	              │   hpack        header blocks
//	              │   fields.go    the fields, and whether they are well-formed
//	              │ exchange.Handler
//	              │ response.go  HEADERS, DATA, as far as flow control lets it
//	              │ control.go   all other frames
//	bytes out ◄── ┘
//
// Each request is answered as soon as it is complete, within the call: so there is no
// queue of requests, nothing to cancel, and the order of responses is that in which
// requests are completed. A request that has arrived in full, and the response to it if
// windows are open, never touch the heap: its fields are read into memory that all
// connections share, and the handler puts the body where it will be sent from.
// Only what has to wait for the client is kept in a [stream].
//
// The framing is our own since x/net/http2's reads from an io.Reader and writes to an
// io.Writer: 220 ns of CPU and an allocation a request, against 13 ns for headers of nine
// bytes that are read and written in place. Neither priorities nor server push
// exist here, nor does any method but through the handler. The package may import
// server/doh/exchange, and nothing else of yushan.
//
// # Memory
//
// A connection that waits has the struct and what HPACK remembers: at most 4 KiB and
// 1 KiB for the client's table, which grows as it is used (a stub resolver's needs
// 200 bytes), and 1 KiB for the response fields that the client remembers. Beside
// that there is, at most:
//
//	Limits.MaxHeldBytes                 requests that aren't complete
//	Limits.MaxPendingBytes, a response  responses that wait for flow control
//	16 KiB, or Limits.MaxHeaderBytes    a header block in CONTINUATION frames
//	256 bytes for each open stream
//
// [Conn.Held] tells how much of that there is. With the default limits it is
// 280 KiB, and 0 when no stream is open. Scratch memory of about 20 KiB is
// borrowed during Answer. The flow-control windows that the client is given are larger
// than what the server keeps for it; a stream whose bytes don't fit is reset with ENHANCE_YOUR_CALM.
//
// # What clients can't do
//
// Errors of the protocol end the stream or the connection as RFC 9113 says. Beyond that:
//
//	requests and resets in turn (CVE-2023-44487)    cost the server what requests cost, since
//	                                                nothing goes on behind them; then patience
//	CONTINUATION without end (CVE-2024-27316)       16 frames, 16 KiB: ENHANCE_YOUR_CALM
//	SETTINGS, PING, PRIORITY, WINDOW_UPDATE,        patience
//	  unknown frames, empty or tiny DATA
//	a large header section                          431, or 414 if it is the path
//	a header section that grows when decoded        the same; no more than MaxHeaderBytes is kept
//	large content                                   413
//	more streams than MaxStreams                    REFUSED_STREAM for those
//	a window that isn't opened                      further requests get REFUSED_STREAM when
//	                                                MaxPendingBytes wait
//	a window that overflows                         FLOW_CONTROL_ERROR
//	DATA beyond the window                          FLOW_CONTROL_ERROR
//
// Patience is Limits.Patience: a number that each such frame makes less, and each answered
// request more. A connection that has none left ends with ENHANCE_YOUR_CALM. It doesn't depend
// on time, which the caller has to limit by [Conn.Owes].
//
// # Hot and cold
//
// All but server.go and limits.go is on a request's way.
package h2
