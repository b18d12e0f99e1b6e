package doh

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

const (
	proxyHeadBytes = 16   // signature, version and command, family, length
	proxyMaxBytes  = 4096 // of all that follows; addresses take 36, certificates up to 2 KiB
)

var proxySignature = []byte("\r\n\r\n\x00\r\nQUIT\n")

// preamble reads the header of the PROXY protocol, version 2, that begins each
// connection of a proxy, and nothing behind it. Whoever isn't a trusted proxy is
// refused before anything of it is read, and so is a connection without the header,
// or with version 1: the protocol forbids guessing.
func (p proxies) preamble(nc net.Conn) (client netip.AddrPort, ahead []byte, err error) {
	fail := func(err error) (netip.AddrPort, []byte, error) {
		return netip.AddrPort{}, nil, fmt.Errorf("PROXY protocol: %w", err)
	}
	peer, ok := nc.RemoteAddr().(*net.TCPAddr)
	if !ok || !p.trust(peer.AddrPort().Addr()) {
		return fail(errors.New("not from a trusted proxy"))
	}
	header := make([]byte, proxyHeadBytes, proxyHeadBytes+64)
	if _, err := io.ReadFull(nc, header); err != nil {
		return fail(err)
	}
	if !bytes.HasPrefix(header, proxySignature) {
		return fail(errors.New("no header of version 2"))
	}
	length := int(binary.BigEndian.Uint16(header[14:]))
	if length > proxyMaxBytes {
		return fail(fmt.Errorf("a header of %d bytes: expected %d at most", length, proxyMaxBytes))
	}
	header = append(header, make([]byte, length)...)
	if _, err := io.ReadFull(nc, header[proxyHeadBytes:]); err != nil {
		return fail(err)
	}
	if client, err = proxyClient(header); err != nil {
		return fail(err)
	}
	return client, nil, nil
}

// proxyClient reads a header. The client is the zero value if the proxy asks for
// itself, as it does to see whether the server lives.
func proxyClient(header []byte) (netip.AddrPort, error) {
	h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(header)))
	if err != nil {
		return netip.AddrPort{}, err
	}
	if h.Command.IsLocal() {
		return netip.AddrPort{}, nil
	}
	client, ok := h.SourceAddr.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, errors.New("expected a client of TCP over IPv4 or IPv6")
	}
	at := client.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}
