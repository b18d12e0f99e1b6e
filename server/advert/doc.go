// Package advert says what a registry publishes in DNS about a server's encrypted
// transports: SVCB records that tell clients of them (RFC 9461), and TLSA records
// that tell their keys (RFC 6698).
//
//	config.Config ──► SVCB, TLSA ──► records for the zone that holds the server's name
//
// Nothing here is on a query's way. It imports server/config and tls/tlsa.
package advert
