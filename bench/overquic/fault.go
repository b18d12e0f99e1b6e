package overquic

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/quic-go/quic-go"
)

var (
	errHandshake = errors.New("no whole handshake within the time-out")
	errSilent    = errors.New("the server has answered no query on the connection within the time-out")
	errNoEnd     = errors.New("the server has not ended the stream after its answer")
)

// plain is an error in words that name no port, query or time, so that equal ones are
// counted together.
func plain(err error) error {
	var (
		application *quic.ApplicationError
		transport   *quic.TransportError
		stream      *quic.StreamError
		op          *net.OpError
	)
	switch {
	case errors.As(err, new(*quic.HandshakeTimeoutError)), errors.Is(err, context.DeadlineExceeded):
		return errHandshake
	case errors.As(err, new(*quic.IdleTimeoutError)):
		return errors.New("the server has been silent for too long")
	case errors.As(err, new(*quic.StatelessResetError)):
		return errors.New("the server does not know the connection any more (stateless reset)")
	case errors.As(err, new(*quic.VersionNegotiationError)):
		return errors.New("the server does not speak version 1 of QUIC")
	case errors.As(err, &application) && application.Remote:
		return fmt.Errorf("the server has closed the connection: error %#x%s", uint64(application.ErrorCode), reason(application.ErrorMessage))
	case errors.As(err, &transport) && transport.Remote && transport.ErrorCode.IsCryptoError():
		return fmt.Errorf("the server has refused the handshake: TLS alert %d%s", uint64(transport.ErrorCode)&0xff, reason(transport.ErrorMessage))
	case errors.As(err, &transport) && transport.Remote:
		return fmt.Errorf("the server has closed the connection: %s%s", transport.ErrorCode, reason(transport.ErrorMessage))
	case errors.As(err, &stream) && stream.Remote:
		return fmt.Errorf("the server has reset the stream of a query: error %#x", uint64(stream.ErrorCode))
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

// longestReason bounds how much of a server's text is shown.
const longestReason = 100

func reason(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" %q", text[:min(len(text), longestReason)])
}
