package stream

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"

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

// zoneIndex is the number of an IPv6 zone's interface; 0: none.
func zoneIndex(zone string) uint32 {
	if zone == "" {
		return 0
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0
	}
	return uint32(i.Index)
}
