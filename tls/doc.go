// Package tls is a directory: what listeners need to speak TLS lives below it.
//
//	tls/cert     where a certificate comes from: files, or this process itself
//	tls/acme     a certificate that a CA gives, renewed without anybody's doing
//	tls/ticket   keys of session tickets, the same on all nodes that share a secret
//	tls/profile  the *tls.Config made of these, the same for all listeners
//	tls/tlsa     the certificate's key as a TLSA record and as a pin
//
// Nothing here imports server: listeners are handed a ready *tls.Config. Names of the
// packages are such that nobody has to rename crypto/tls.
package tls
