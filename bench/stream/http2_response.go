package stream

import (
	"fmt"

	"golang.org/x/net/http2"
)

// headers is HEADERS, the head of a response or what follows its body.
func (c *h2) headers(f frame) error {
	payload := f.payload
	if f.stream == 0 {
		return violation("HEADERS of no stream")
	}
	if f.flags.Has(http2.FlagHeadersPadded) {
		var err error
		if payload, err = unpad(payload); err != nil {
			return err
		}
	}
	if f.flags.Has(http2.FlagHeadersPriority) {
		if len(payload) < 5 {
			return violation("HEADERS without the priority that they should have")
		}
		payload = payload[5:]
	}
	c.blockOf, c.blockEnds, c.block = f.stream, f.flags.Has(http2.FlagHeadersEndStream), c.block[:0]
	return c.fields(payload, f.flags.Has(http2.FlagHeadersEndHeaders))
}

// fields takes a part of a response's header fields.
func (c *h2) fields(part []byte, last bool) error {
	if !last || len(c.block) > 0 {
		if c.block = append(c.block, part...); len(c.block) > maxBlock {
			return tooMany("header fields", len(c.block), maxBlock)
		}
		part = c.block
	}
	if !last {
		return nil
	}
	if err := c.decode(part); err != nil {
		return fmt.Errorf("HTTP/2: header fields: %w", err)
	}
	stream := c.blockOf
	c.blockOf = 0
	s, belongs := c.find(stream)
	if !belongs || s.state != underWay {
		if c.blockEnds {
			c.p.strange(s, belongs)
		}
		return nil
	}
	got := &c.streams[c.p.table.position(s.number)]
	switch {
	case got.status == 0 && c.status == 0:
		return violation("a response without a status")
	case got.status == 0 && c.status >= 200:
		got.status = c.status
	}
	if c.blockEnds {
		if got.status == 0 {
			return violation("a stream that ends with an interim response")
		}
		c.respond(s, got.body)
	}
	return nil
}

// status200 is the indexed field ":status: 200" (RFC 7541, appendix A).
const status200 = 0x88

// decode finds the status. All fields must be gone through, since they change the
// decoder's table, but none need be made a string if the status comes first.
func (c *h2) decode(block []byte) error {
	fast := len(block) > 0 && block[0] == status200
	c.status = 0
	if fast {
		c.status = 200
	}
	c.decoder.SetEmitEnabled(!fast)
	if _, err := c.decoder.Write(block); err != nil {
		return err
	}
	return c.decoder.Close()
}

func parseThreeDigits(text string) int {
	if len(text) != 3 {
		return 0
	}
	n := 0
	for i := range 3 {
		if text[i] < '0' || text[i] > '9' {
			return 0
		}
		n = 10*n + int(text[i]-'0')
	}
	if n < 100 {
		return 0
	}
	return n
}
