package stream

import (
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"crypto/tls"

	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/bench/query"
	"yushan/internal/quicload"
)

// rawServer accepts connections of TLS and leaves each to a function.
func rawServer(t *testing.T, serve func(net.Conn), protocols ...string) netip.AddrPort {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", quicload.ServerTLS(t, protocols...))
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); conns.Wait() })
	return netip.MustParseAddrPort(l.Addr().String())
}

// againstRaw is a trial in a closed loop.
func againstRaw(t *testing.T, addr netip.AddrPort, transport load.Transport, queries uint64) *trial {
	c := &trial{
		Options: load.Options{
			Server: addr, Transport: transport, TLS: quicload.ClientTLS(),
			Clients: 2, Depth: 5, Concurrency: 10, Timeout: patience, Path: "/dns-query", Authority: "localhost",
		},
		Plan:    pace.Plan{Duration: patience, Limit: queries},
		Queries: textQueries(t, query.Options{}, 100),
	}
	if transport == load.DoH1 {
		c.Depth = 1
	}
	return c
}

// h2conn is a server's end of a connection, as a test plays it.
type h2conn struct {
	t *testing.T
	*http2.Framer
	conn    net.Conn
	decoder *hpack.Decoder
	fields  map[string]string // of the request that is decoded
	out     bytes.Buffer
	encoder *hpack.Encoder
	table   uint32
	bodies  map[uint32][]byte
	streams int // under way
	// credit is what the client may send on the connection.
	credit int
	// answer is called for each whole request.
	answer func(c *h2conn, stream uint32, query []byte)
	// opened is called for each stream that begins.
	opened func(c *h2conn, stream uint32)
}

// startH2 plays a server that has these settings.
func startH2(t *testing.T, settings []http2.Setting, begin func(*h2conn)) netip.AddrPort {
	return rawServer(t, func(conn net.Conn) {
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(conn, preface); err != nil {
			return // the client has had enough connections
		} else if string(preface) != http2.ClientPreface {
			t.Errorf("%q: expected the preface of HTTP/2", preface)
			return
		}
		c := &h2conn{t: t, Framer: http2.NewFramer(conn, conn), conn: conn, bodies: map[uint32][]byte{}, credit: 65535, table: 4096}
		c.encoder = hpack.NewEncoder(&c.out)
		for _, s := range settings {
			if s.ID == http2.SettingHeaderTableSize {
				c.table = s.Val
			}
		}
		c.decoder = hpack.NewDecoder(4096, func(f hpack.HeaderField) { c.fields[f.Name] = f.Value })
		c.answer = (*h2conn).good
		begin(c)
		c.WriteSettings(settings...)
		for {
			f, err := c.ReadFrame()
			if err != nil {
				return
			}
			if !c.frame(f) {
				return
			}
		}
	}, "h2")
}

// frame tells whether the connection goes on.
func (c *h2conn) frame(f http2.Frame) bool {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			// From now on the client keeps to the settings.
			c.decoder.SetAllowedMaxDynamicTableSize(c.table)
		} else {
			c.WriteSettingsAck()
		}
	case *http2.HeadersFrame:
		c.fields = map[string]string{}
		if _, err := c.decoder.Write(f.HeaderBlockFragment()); err != nil {
			c.t.Errorf("header fields: %v", err)
			return false
		}
		if err := c.decoder.Close(); err != nil {
			c.t.Errorf("header fields: %v", err)
		}
		c.streams++
		c.checkRequest()
		if c.opened != nil {
			c.opened(c, f.StreamID)
		}
		if f.StreamEnded() {
			_, encoded, _ := strings.Cut(c.fields[":path"], "?dns=")
			message, err := base64.RawURLEncoding.DecodeString(encoded)
			if err != nil {
				c.t.Errorf("path %q: %v", c.fields[":path"], err)
			}
			c.streams--
			c.answer(c, f.StreamID, message)
		}
	case *http2.DataFrame:
		c.credit -= len(f.Data())
		if c.credit < 0 {
			c.t.Errorf("the client has sent %d bytes more than the window has room for", -c.credit)
		}
		c.bodies[f.StreamID] = append(c.bodies[f.StreamID], f.Data()...)
		if f.StreamEnded() {
			message := c.bodies[f.StreamID]
			delete(c.bodies, f.StreamID)
			c.streams--
			c.answer(c, f.StreamID, message)
		}
	case *http2.GoAwayFrame:
		c.t.Errorf("the client says GOAWAY: %v", f)
	}
	return true
}

func (c *h2conn) checkRequest() {
	want := map[string]string{":scheme": "https", ":authority": "localhost", "accept": mediaType}
	if c.fields[":method"] == "POST" {
		want[":path"], want["content-type"] = "/dns-query", mediaType
	}
	for name, value := range want {
		if c.fields[name] != value {
			c.t.Errorf("request %v: expected %s %q", c.fields, name, value)
		}
	}
}

func (c *h2conn) block(fields ...string) []byte {
	c.out.Reset()
	for i := 0; i < len(fields); i += 2 {
		c.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return c.out.Bytes()
}

func answerTo(query []byte) []byte {
	a := bytes.Clone(query)
	a[2] |= 0x80
	return a
}

// good answers.
func (c *h2conn) good(stream uint32, query []byte) {
	c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block(":status", "200", "content-type", mediaType, "cache-control", "max-age=60"), EndHeaders: true})
	c.WriteData(stream, true, answerTo(query))
}
