package echo

import (
	"context"
	"crypto/tls"
	_ "embed"
	"fmt"
	"net"
	"net/netip"

	"github.com/quic-go/quic-go"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Source is the UDP echo in C: a program whose arguments are an IPv4 address and a port.
//
//go:embed native/echo.c
var Source []byte

// Config is where to listen.
type Config struct {
	Plain netip.AddrPort // UDP and TCP, IPv4
	// Secure is DoT and DoQ, with Certificate; the zero value: neither.
	Secure      netip.AddrPort
	Certificate tls.Certificate
}

// header is the length of a DNS header, response its bit QR (RFC 1035 §4.1.1).
const (
	header     = 12
	flagsAt    = 2
	response   = 0x80
	maxMessage = 65535
)

// Serve echoes until the context ends, or one of the listeners fails.
func Serve(ctx context.Context, c Config) error {
	socket, err := newUDP(c.Plain)
	if err != nil {
		return err
	}
	plain, err := net.Listen("tcp4", c.Plain.String())
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return socket.serve() })
	group.Go(func() error { return serveStreams(plain) })
	closers := []func(){func() { unix.Shutdown(socket.fd, unix.SHUT_RDWR) }, func() { plain.Close() }}
	if c.Secure.IsValid() {
		config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{c.Certificate}}
		secure, err := tls.Listen("tcp4", c.Secure.String(), config)
		if err != nil {
			return err
		}
		config = config.Clone()
		config.NextProtos = []string{"doq"} // RFC 9250 §4.1.1
		listener, err := quic.ListenAddr(c.Secure.String(), config, nil)
		if err != nil {
			return err
		}
		group.Go(func() error { return serveStreams(secure) })
		group.Go(func() error { return serveQUIC(ctx, listener) })
		closers = append(closers, func() { secure.Close() }, func() { listener.Close() })
	}
	<-ctx.Done()
	for _, end := range closers {
		end()
	}
	if err := group.Wait(); err != nil && context.Cause(ctx) != context.Canceled {
		return fmt.Errorf("echo: %w", err)
	}
	return nil
}
