// Package query answers DNS queries: request bytes in, response bytes out. It
// is one pure function shared by all transports.
package query
