package h2

import (
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// RFC 9113 §5, §6: what ends a connection.
func TestConnectionErrors(t *testing.T) {
	raw := func(c *client, kind http2.FrameType, flags http2.Flags, id uint32, payload string) {
		c.framer.WriteRawFrame(kind, flags, id, []byte(payload))
	}
	for name, test := range map[string]struct {
		do     func(c *client)
		code   Code
		reason string
	}{
		"frame too long":      {func(c *client) { raw(c, 0, 0, 1, strings.Repeat("a", 16385)) }, FrameSizeError, "longer than 16384"},
		"DATA 0":              {func(c *client) { raw(c, 0, 0, 0, "") }, ProtocolError, "DATA without a stream"},
		"DATA idle":           {func(c *client) { raw(c, 0, 0, 1, "") }, ProtocolError, "never opened"},
		"DATA even":           {func(c *client) { c.get(3, "/"); raw(c, 0, 0, 2, "") }, ProtocolError, "never opened"},
		"DATA padding":        {func(c *client) { c.headers(1, false, request("POST", "/")...); raw(c, 0, 8, 1, "\x04abc") }, ProtocolError, "padding"},
		"DATA no padding":     {func(c *client) { c.headers(1, false, request("POST", "/")...); raw(c, 0, 8, 1, "") }, ProtocolError, "padding"},
		"HEADERS 0":           {func(c *client) { raw(c, 1, 4, 0, "\x82") }, ProtocolError, "can't open"},
		"HEADERS even":        {func(c *client) { raw(c, 1, 4, 2, "\x82") }, ProtocolError, "can't open"},
		"HEADERS older":       {func(c *client) { c.get(5, "/"); c.get(3, "/") }, ProtocolError, "older"},
		"HEADERS ended":       {func(c *client) { c.get(5, "/"); c.get(5, "/") }, StreamClosed, "has ended"},
		"HEADERS padding":     {func(c *client) { raw(c, 1, 4|8, 1, "\x02\x82") }, ProtocolError, "padding"},
		"HEADERS priority":    {func(c *client) { raw(c, 1, 4|0x20, 1, "\x00\x00\x00\x00") }, FrameSizeError, "flags"},
		"HPACK":               {func(c *client) { raw(c, 1, 4, 1, "\x80") }, CompressionError, "not properly coded"},
		"HPACK in trailers":   {func(c *client) { c.headers(1, false, request("POST", "/")...); raw(c, 1, 5, 1, "\xff") }, CompressionError, "not properly coded"},
		"CONTINUATION":        {func(c *client) { raw(c, 9, 4, 1, "\x82") }, ProtocolError, "without a header block"},
		"CONTINUATION after":  {func(c *client) { c.get(1, "/"); raw(c, 9, 4, 1, "\x82") }, ProtocolError, "without a header block"},
		"interrupted":         {func(c *client) { raw(c, 1, 0, 1, "\x82"); c.framer.WritePing(false, [8]byte{}) }, ProtocolError, "expected CONTINUATION"},
		"interrupted unknown": {func(c *client) { raw(c, 1, 0, 1, "\x82"); raw(c, 0x77, 0, 1, "") }, ProtocolError, "expected CONTINUATION"},
		"other CONTINUATION":  {func(c *client) { raw(c, 1, 0, 1, "\x82"); raw(c, 9, 4, 3, "") }, ProtocolError, "expected CONTINUATION"},
		"PRIORITY 0":          {func(c *client) { raw(c, 2, 0, 0, "\x00\x00\x00\x00\x00") }, ProtocolError, "PRIORITY"},
		"PRIORITY size":       {func(c *client) { raw(c, 2, 0, 1, "\x00\x00\x00\x00") }, FrameSizeError, "PRIORITY"},
		"RST_STREAM 0":        {func(c *client) { raw(c, 3, 0, 0, "\x00\x00\x00\x00") }, ProtocolError, "RST_STREAM"},
		"RST_STREAM idle":     {func(c *client) { raw(c, 3, 0, 1, "\x00\x00\x00\x00") }, ProtocolError, "RST_STREAM"},
		"RST_STREAM size":     {func(c *client) { c.get(1, "/"); raw(c, 3, 0, 1, "\x00\x00\x00") }, FrameSizeError, "RST_STREAM"},
		"SETTINGS stream":     {func(c *client) { raw(c, 4, 0, 1, "") }, ProtocolError, "SETTINGS"},
		"SETTINGS size":       {func(c *client) { raw(c, 4, 0, 0, "\x00\x01\x00\x00\x00") }, FrameSizeError, "SETTINGS"},
		"SETTINGS ack":        {func(c *client) { raw(c, 4, 1, 0, "\x00\x01\x00\x00\x00\x00") }, FrameSizeError, "SETTINGS"},
		"SETTINGS push":       {func(c *client) { raw(c, 4, 0, 0, "\x00\x02\x00\x00\x00\x02") }, ProtocolError, "PUSH"},
		"SETTINGS window":     {func(c *client) { raw(c, 4, 0, 0, "\x00\x04\x80\x00\x00\x00") }, FlowControlError, "INITIAL_WINDOW"},
		"SETTINGS frame":      {func(c *client) { raw(c, 4, 0, 0, "\x00\x05\x00\x00\x3f\xff") }, ProtocolError, "MAX_FRAME_SIZE"},
		"SETTINGS frame high": {func(c *client) { raw(c, 4, 0, 0, "\x00\x05\x01\x00\x00\x00") }, ProtocolError, "MAX_FRAME_SIZE"},
		"PUSH_PROMISE":        {func(c *client) { raw(c, 5, 4, 1, "\x00\x00\x00\x02\x82") }, ProtocolError, "PUSH_PROMISE"},
		"PING stream":         {func(c *client) { raw(c, 6, 0, 1, "12345678") }, ProtocolError, "PING"},
		"PING size":           {func(c *client) { raw(c, 6, 0, 0, "1234567") }, FrameSizeError, "PING"},
		"GOAWAY stream":       {func(c *client) { raw(c, 7, 0, 1, "12345678") }, ProtocolError, "GOAWAY"},
		"GOAWAY size":         {func(c *client) { raw(c, 7, 0, 0, "1234567") }, FrameSizeError, "GOAWAY"},
		"WINDOW_UPDATE size":  {func(c *client) { raw(c, 8, 0, 0, "123") }, FrameSizeError, "WINDOW_UPDATE"},
		"WINDOW_UPDATE 0":     {func(c *client) { raw(c, 8, 0, 0, "\x00\x00\x00\x00") }, ProtocolError, "WINDOW_UPDATE"},
		"WINDOW_UPDATE idle":  {func(c *client) { raw(c, 8, 0, 1, "\x00\x00\x00\x01") }, ProtocolError, "WINDOW_UPDATE"},
		"window overflow":     {func(c *client) { raw(c, 8, 0, 0, "\x7f\xff\xff\xff") }, FlowControlError, "window"},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, Limits{}, nil)
			test.do(c)
			c.exchange()
			c.wantError(test.code, test.reason)
			if _, _, _, err := c.conn.Answer(c.handler, nil, c.out); err == nil {
				t.Error("a connection that has ended answers")
			}
		})
	}
}

func TestBadPreface(t *testing.T) {
	for name, test := range map[string]struct{ sent, reason string }{
		"HTTP/1.1":      {"GET / HTTP/1.1\r\n\r\n", "preface"},
		"one byte":      {"G", "preface"},
		"almost":        {preface[:23] + "x", "preface"},
		"HEADERS first": {preface + "\x00\x00\x01\x01\x05\x00\x00\x00\x01\x82", "SETTINGS"},
		"ack first":     {preface + "\x00\x00\x00\x04\x01\x00\x00\x00\x00", "SETTINGS"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Limits{}, nil)
			c.toServer.WriteString(test.sent)
			c.exchange()
			c.wantError(ProtocolError, test.reason)
		})
	}
}

// What is wrong with a stream only is told for the stream only.
func TestStreamErrors(t *testing.T) {
	c := connect(t, Limits{}, nil)
	c.get(1, "/")
	c.framer.WriteData(1, true, []byte("too late"))
	c.get(3, "/size/65535")
	c.get(5, "/size/60000") // waits for the connection's window
	c.framer.WriteRawFrame(http2.FrameWindowUpdate, 0, 5, []byte{0, 0, 0, 0})
	c.get(7, "/size/60000")
	c.framer.WriteWindowUpdate(7, 1<<31-1)
	c.get(9, "/size/60000")
	c.framer.WriteData(9, true, nil)
	c.framer.WriteWindowUpdate(0, 1<<20)
	c.exchange()
	for id, want := range map[uint32]Code{1: StreamClosed, 5: ProtocolError, 7: FlowControlError, 9: StreamClosed} {
		if got, ok := c.resets[id]; !ok || got != want {
			t.Errorf("stream %d: reset %v with %v, want %v", id, ok, got, want)
		}
	}
	if r := c.responses[3]; !r.ended || len(r.body) != 65535 {
		t.Errorf("stream 3 has %d bytes of 65535", len(r.body))
	}
	c.wantIdle()
}
