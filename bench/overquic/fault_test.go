package overquic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/quic-go/quic-go"
)

func TestPlain(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&quic.HandshakeTimeoutError{}, "no whole handshake within the time-out"},
		{fmt.Errorf("dial: %w", context.DeadlineExceeded), "no whole handshake within the time-out"},
		{&quic.IdleTimeoutError{}, "the server has been silent for too long"},
		{&quic.StatelessResetError{}, "the server does not know the connection any more (stateless reset)"},
		{&quic.VersionNegotiationError{}, "the server does not speak version 1 of QUIC"},
		{&quic.ApplicationError{Remote: true, ErrorCode: 4}, "the server has closed the connection: error 0x4"},
		{&quic.ApplicationError{Remote: true, ErrorCode: 4, ErrorMessage: "bye\x00" + strings.Repeat("x", 200)}, `the server has closed the connection: error 0x4 "bye\x00` + strings.Repeat("x", 96) + `"`},
		{&quic.TransportError{Remote: true, ErrorCode: 0x100 + 120}, "the server has refused the handshake: TLS alert 120"},
		{&quic.TransportError{Remote: true, ErrorCode: quic.ProtocolViolation}, "the server has closed the connection: PROTOCOL_VIOLATION"},
		{&quic.StreamError{Remote: true, ErrorCode: 2, StreamID: 400}, "the server has reset the stream of a query: error 0x2"},
		{&net.OpError{Op: "write", Net: "udp", Addr: &net.UDPAddr{Port: 53123}, Err: os.NewSyscallError("sendmsg", syscall.ENETUNREACH)}, "sendmsg: network is unreachable"},
		{errors.New("else"), "else"},
	} {
		if got := plain(tt.err).Error(); got != tt.want {
			t.Errorf("%v: %q: expected %q", tt.err, got, tt.want)
		}
	}
}
