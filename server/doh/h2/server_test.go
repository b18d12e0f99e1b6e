package h2

import (
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"yushan/server/doh/exchange"
)

func TestBadLimits(t *testing.T) {
	for want, limits := range map[string]Limits{
		"streams a connection":         {MaxStreams: -1},
		"request content of up to":     {MaxBodyBytes: exchange.MaxBody + 1},
		"header sections of up to":     {MaxHeaderBytes: 100},
		"bytes of incomplete requests": {MaxHeldBytes: 1000},
		"pending bytes":                {MaxPendingBytes: -1},
		"patience of 1":                {Patience: 1},
	} {
		if _, err := New(limits); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error with %q", limits, err, want)
		}
	}
}

func TestCounters(t *testing.T) {
	c := connect(t, Limits{MaxStreams: 1}, nil)
	c.headers(1, false, request("POST", "/")...)
	c.headers(3, true, request("GET", "/")...)
	c.framer.WriteRSTStream(1, http2.ErrCodeCancel)
	c.headers(5, true, ":method", "GET")
	c.headers(7, true, "Upper", "x")
	c.framer.WritePing(false, [8]byte{})
	c.framer.WriteRawFrame(http2.FramePing, 0, 1, make([]byte, 8))
	c.exchange()
	want := Counters{StreamsReset: 1, StreamErrors: 2, StreamsRefused: 1, Errors: 1}
	if got := c.conn.server.Counters(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := c.err.Error(), "HTTP/2 PROTOCOL_ERROR: PING for a stream"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := Code(99).String(); got != "unknown error code" {
		t.Errorf("code 99 is %s", got)
	}
}

// The caller decides what a response without content looks like (RFC 9110 §8.6).
func TestNoContent(t *testing.T) {
	c := connect(t, Limits{}, handlerFunc(func(_ *exchange.Request, res *exchange.Response) {
		res.Status, res.MaxAge = 204, exchange.NoStore
	}))
	c.get(1, "/")
	c.exchange()
	c.wantResponse(1, "204 ")
	for _, f := range c.responses[1].fields {
		if f.Name == "content-length" {
			t.Errorf("204 with %v", f)
		}
	}
	if got := c.responses[1].get("cache-control"); got != "no-store" {
		t.Errorf("cache-control: %s", got)
	}
}
