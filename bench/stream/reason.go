package stream

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// reason says what went wrong, without names of ports and files.
func reason(doing string, err error) error {
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("%s: %w (no free port: more sources, or fewer connections)", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// handshakeReason says why a handshake failed, so that equal reasons have equal texts.
func handshakeReason(err error) error {
	var certificate x509.CertificateInvalidError
	switch {
	case errors.As(err, &certificate) && certificate.Reason == x509.Expired:
		return errors.New("handshake: the certificate has expired or is not valid yet")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("handshake: the server ended the connection")
	}
	return fmt.Errorf("handshake: %w", err)
}
