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

// proxied is a connection that a proxy has opened for a client.
type proxied struct {
	net.Conn
	client *net.TCPAddr
}

func (p *proxied) RemoteAddr() net.Addr { return p.client }

// NetConn returns the connection to the proxy.
func (p *proxied) NetConn() net.Conn { return p.Conn }

// unwrap reads the header of the PROXY protocol, version 2, that begins each
// connection of a proxy, and nothing behind it. Whoever isn't a trusted proxy is
// refused before anything of it is read, and so is a connection without the header,
// or with version 1: the protocol forbids guessing.
func (p proxies) unwrap(nc net.Conn) (net.Conn, error) {
	peer, ok := nc.RemoteAddr().(*net.TCPAddr)
	if !ok || !p.trust(peer.AddrPort().Addr()) {
		return nil, errors.New("PROXY protocol: not from a trusted proxy")
	}
	head := make([]byte, proxyHeadBytes, proxyHeadBytes+64)
	if _, err := io.ReadFull(nc, head); err != nil {
		return nil, fmt.Errorf("PROXY protocol: %w", err)
	}
	if !bytes.HasPrefix(head, proxySignature) {
		return nil, errors.New("PROXY protocol: no header of version 2")
	}
	length := int(binary.BigEndian.Uint16(head[14:]))
	if length > proxyMaxBytes {
		return nil, fmt.Errorf("PROXY protocol: a header of %d bytes: expected %d at most", length, proxyMaxBytes)
	}
	head = append(head, make([]byte, length)...)
	if _, err := io.ReadFull(nc, head[proxyHeadBytes:]); err != nil {
		return nil, fmt.Errorf("PROXY protocol: %w", err)
	}
	client, err := proxyClient(head)
	switch {
	case err != nil:
		return nil, err
	case client == nil:
		return nc, nil // the proxy asks for itself
	}
	return &proxied{nc, client}, nil
}

// proxyClient reads a header. The client is nil if the proxy asks for itself, as it
// does to see whether the server lives.
func proxyClient(header []byte) (*net.TCPAddr, error) {
	h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(header)))
	if err != nil {
		return nil, fmt.Errorf("PROXY protocol: %w", err)
	}
	if h.Command.IsLocal() {
		return nil, nil
	}
	client, ok := h.SourceAddr.(*net.TCPAddr)
	if !ok || h.Version != 2 {
		return nil, errors.New("PROXY protocol: expected a client of TCP over IPv4 or IPv6")
	}
	at := client.AddrPort()
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(at.Addr().Unmap(), at.Port())), nil
}
