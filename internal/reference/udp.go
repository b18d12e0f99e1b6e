package reference

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// CompareUDP judges an answer that came over UDP by the one that came over a
// stream to the same query, which must have passed [Compare] and have neither
// padding nor keepalive. It may not be
// larger than allowed; it leaves out nothing but addresses that need not be
// there; and it has TC set, and nothing in it, only if what must be there
// doesn't fit.
func CompareUDP(expected *Response, stream, udp []byte) string {
	if expected == nil {
		if len(udp) == 0 {
			return ""
		}
		return "expected no answer at all, got:\n" + text(udp)
	}
	if len(udp) < headerBytes {
		return fmt.Sprintf("expected an answer, got %d bytes", len(udp))
	}
	if len(udp) > expected.UDPBytes {
		return fmt.Sprintf("expected at most %d bytes, got %d:\n%s", expected.UDPBytes, len(udp), text(udp))
	}
	if len(emptied(stream)) > expected.UDPBytes {
		stream = withoutOption(stream, dns.EDNS0NSID) // even the question and OPT alone don't fit with it
	}
	if len(stream) <= expected.UDPBytes {
		if bytes.Equal(stream, udp) {
			return ""
		}
		return "the answer would fit, but over UDP it is another one:\n" + diff(mustLines(stream), mustLines(udp))
	}
	least := leastBytes(stream, expected.Required)
	if truncated := udp[2]&2 != 0; truncated {
		if least <= expected.UDPBytes {
			return fmt.Sprintf("TC=1 though what must be there takes %d of %d bytes:\n%s", least, expected.UDPBytes, text(stream))
		}
		short := emptied(stream)
		if udp[3]&15 == dns.RcodeSuccess {
			short[3] &^= 15 // a chain may have been left before its last name was looked at
		}
		return diff(mustLines(short), mustLines(udp))
	}
	if least > expected.UDPBytes {
		return fmt.Sprintf("TC=0 though what must be there takes %d of %d bytes:\n%s", least, expected.UDPBytes, text(udp))
	}
	return compareSubset(stream, udp, expected.Required)
}

// leastBytes is the size of a response without the optional records of its
// additional section. No compression pointer leads from another place into
// them.
func leastBytes(wire []byte, required int) int {
	least := len(wire)
	_, _, additional := records(wire)
	for _, r := range additional {
		if isPseudo(r.rtype) {
			continue
		}
		if required--; required < 0 {
			least -= r.bytes()
		}
	}
	return least
}

// isPseudo tells records about the message from records of a zone.
func isPseudo(rtype uint16) bool { return rtype == dns.TypeOPT || rtype == dns.TypeTSIG }

// emptied is a response with TC=1 and no records but OPT and TSIG.
func emptied(wire []byte) []byte {
	short := bytes.Clone(wire[:headerBytes+questionBytes(wire)])
	short[2] |= 2
	clear(short[ancount:headerBytes])
	_, _, additional := records(wire)
	for _, r := range additional {
		if isPseudo(r.rtype) {
			short = append(short, wire[r.offset:r.offset+r.bytes()]...)
			short[arcount+1]++
		}
	}
	return short
}

// withoutOption is a response without the options of that code in its OPT record.
func withoutOption(wire []byte, code uint16) []byte {
	r, opt := optOf(wire)
	if opt == nil {
		return wire
	}
	end := r.offset + r.bytes()
	start := end - len(r.rdata)
	short := bytes.Clone(wire[:start])
	for _, option := range opt.options {
		if option.code != code {
			short = binary.BigEndian.AppendUint16(short, option.code)
			short = binary.BigEndian.AppendUint16(short, uint16(len(option.data)))
			short = append(short, option.data...)
		}
	}
	binary.BigEndian.PutUint16(short[start-2:], uint16(len(short)-start))
	return append(short, wire[end:]...)
}

// optOf is a response's OPT record, nil without one.
func optOf(wire []byte) (record, *optRecord) {
	_, _, additional := records(wire)
	i := slices.IndexFunc(additional, func(r record) bool { return r.rtype == dns.TypeOPT })
	if i < 0 {
		return record{}, nil
	}
	opt, _ := readOPT(additional[i])
	return additional[i], opt
}

// compareSubset compares an answer with a larger one that it was cut from.
func compareSubset(stream, udp []byte, required int) string {
	whole, cut := mustLines(stream), mustLines(udp)
	missing := map[string]bool{}
	for _, line := range whole {
		missing[line] = true
	}
	for _, line := range cut {
		delete(missing, line)
	}
	whole = slices.DeleteFunc(whole, func(line string) bool { return missing[line] })
	if d := diff(whole, cut); d != "" {
		return "the answer over UDP has what that over a stream has not:\n" + d
	}
	// What is missing must be whole RRsets of the optional part.
	var m dns.Msg
	if err := m.Unpack(stream); err != nil {
		return err.Error()
	}
	left := map[string]bool{}
	for _, rr := range m.Extra {
		if isPseudo(rr.Header().Rrtype) {
			continue
		}
		if required--; required >= 0 {
			continue
		}
		set, line := setOf(rr), recordText(rr)
		if gone, ok := left[set]; ok && gone != missing[line] {
			return "a part of an RRset is missing over UDP: " + line
		}
		left[set] = missing[line]
		delete(missing, line)
	}
	for line := range missing {
		return "missing over UDP, though TC=0: " + line
	}
	return ""
}
