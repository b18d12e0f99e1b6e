// Package exchange holds one HTTP request and its response, as DNS over HTTPS
// (RFC 8484) needs them: the few fields that matter, the same for every version
// of HTTP.
//
//	server/doh/h2      ─┐                               ┌─► server/query
//	net/http (1.1)      ├─► Request ─► Handler ─► Response
//	quic-go/http3      ─┘
//
// A transport fills a [Request] whose content has arrived in full, calls the
// [Handler], and sends the [Response] before it calls again with the same
// memory. Nothing here is allocated for a request: byte slices belong to the
// transport and are valid during the call, strings are constants or live as long
// as the connection. The package imports nothing of yushan.
package exchange
