package quicport

import (
	"context"
	"net/netip"
	"testing"

	"github.com/quic-go/quic-go"

	"yushan/internal/quicload"
)

// A port whose socket broke before it was served can be stopped.
func TestShutdownAfterServeFailed(t *testing.T) {
	for _, early := range []bool{false, true} {
		p, err := Listen(Config{Addr: netip.MustParseAddrPort("127.0.0.1:0"), TLS: quicload.ServerTLS(t, protocol), ZeroRTT: early})
		if err != nil {
			t.Fatal(err)
		}
		p.socket.UDPConn.Close()
		if err := p.Serve(func(context.Context, *quic.Conn) {}); err == nil {
			t.Error("a socket that broke was served")
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
