// Package echo sends queries back as they came, marked as responses. That is the least that
// a server of a transport can do, so it shows what part of a server's time is the kernel's
// and the libraries', which no name server written the same way could save:
//
//	UDP   a locked thread with recvmmsg and sendmmsg, in Go, and in C (native/echo.c)
//	TCP   a goroutine a connection: one read, all whole queries in it sent back by one write
//	DoT   likewise, by crypto/tls
//	DoQ   quic-go as it comes, a goroutine a stream
//
// It is no DNS server: it looks at nothing but lengths and one bit. It imports nothing of
// yushan.
package echo
