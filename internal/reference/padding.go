package reference

import (
	"fmt"

	"github.com/miekg/dns"
)

// What a padded response's length is a multiple of (RFC 8467 §4.1), and what it
// can't exceed.
const (
	paddingBlock    = 468
	maxMessageBytes = 65535
)

// Unpad judges the padding of an answer as it came, and returns it without. A
// response that must be padded has one padding option, of zeros, which makes it as
// long as the next multiple of 468, or as a message can be; it has none if not even
// an empty option fits. Any other response has no padding.
func (r *Response) Unpad(wire []byte) (plain []byte, problem string) {
	if r == nil || len(wire) < headerBytes {
		return wire, "" // nothing to be padded, which is for Compare to judge
	}
	_, opt := optOf(wire)
	plain = wire
	count := 0
	if opt != nil {
		for _, option := range opt.options {
			if option.code != dns.EDNS0PADDING {
				continue
			}
			count++
			for _, b := range option.data {
				if b != 0 {
					return nil, fmt.Sprintf("padding that isn't zero: % x", option.data)
				}
			}
		}
		plain = withoutOption(wire, dns.EDNS0PADDING)
	}
	least := len(plain) + 4 // an empty option
	expected := min((least+paddingBlock-1)/paddingBlock*paddingBlock, maxMessageBytes)
	switch {
	case !r.Padded || least > maxMessageBytes:
		if count > 0 {
			return nil, fmt.Sprintf("expected no padding, got %d options in %d bytes", count, len(wire))
		}
	case count != 1:
		return nil, fmt.Sprintf("expected one padding option, got %d", count)
	case len(wire) != expected:
		return nil, fmt.Sprintf("expected %d bytes padded to %d, got %d", len(plain), expected, len(wire))
	}
	return plain, ""
}
