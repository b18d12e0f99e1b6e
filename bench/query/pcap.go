package query

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// Captured tells what was in a capture.
type Captured struct {
	Packets uint64 // all
	Queries uint64 // that became part of the set
	// Unusable are messages and packets to the port which aren't whole queries of one
	// question, can't be asked again (transfers, updates), or are too long for MaxBytes.
	Unusable uint64
	// Short tells that the file ends in the middle of a packet.
	Short bool
}

// ReadPcap reads the queries that a capture holds, over UDP and TCP, in their order: a
// file of pcap or pcapng, compressed by gzip or not, with frames of Ethernet (VLANs
// included), Linux's "any" device, loopback or raw IP. A query that was sent to port
// 53 (or Options.Port) gives its question, with name as it was written; Options.AsCaptured
// says whether flags and EDNS are the captured ones. Fragments are not put together, and
// nothing is decrypted. name is what errors call the file. Classes are QTYPEs.
func ReadPcap(r io.Reader, name string, o Options) (*Set, *Captured, error) {
	next, err := openPcap(r)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", name, err)
	}
	if o.Port == 0 {
		o.Port = 53
	}
	c := &capture{builder: newBuilder(o), flows: flows{}}
	for {
		frame, link, err := next()
		if err == io.EOF {
			break
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			c.Short = true
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read %s: packet %d: %w", name, c.Packets+1, err)
		}
		c.Packets++
		if !knownLink(link) {
			return nil, nil, fmt.Errorf("read %s: packet %d: frames of link type %d (%s) can't be read", name, c.Packets, uint16(link), link)
		}
		c.add(link, frame)
		if c.builder.set.Len() >= maxQueries {
			return nil, nil, fmt.Errorf("read %s: %w", name, errTooMany)
		}
	}
	c.Queries = uint64(c.builder.set.Len())
	if c.Queries == 0 {
		return nil, &c.Captured, fmt.Errorf("%s: %w to port %d in %d packets", name, ErrNone, o.Port, c.Packets)
	}
	c.builder.classify()
	return c.builder.set, &c.Captured, nil
}

// openPcap recognizes a file's format, and returns a function that reads a frame, valid
// until the next one is read.
func openPcap(r io.Reader) (next func() ([]byte, layers.LinkType, error), err error) {
	plain := bufio.NewReaderSize(r, 1<<16)
	if magic, _ := plain.Peek(2); string(magic) == "\x1f\x8b" {
		compressed, err := gzip.NewReader(plain)
		if err != nil {
			return nil, err
		}
		plain = bufio.NewReaderSize(compressed, 1<<16)
	}
	magic, err := plain.Peek(4)
	if err != nil {
		if err == io.EOF {
			err = errors.New("not a capture: shorter than 4 bytes")
		}
		return nil, err
	}
	const sectionHeader = "\x0a\x0d\x0d\x0a"
	if string(magic) == sectionHeader {
		reader, err := pcapgo.NewNgReader(plain, pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			return nil, err
		}
		return func() ([]byte, layers.LinkType, error) {
			frame, info, err := reader.ZeroCopyReadPacketData()
			if err != nil {
				return nil, 0, err
			}
			return frame, linkOf(info), nil
		}, nil
	}
	reader, err := pcapgo.NewReader(plain)
	if err != nil {
		return nil, fmt.Errorf("not a capture: %w", err)
	}
	link := reader.LinkType()
	return func() ([]byte, layers.LinkType, error) {
		frame, _, err := reader.ZeroCopyReadPacketData()
		return frame, link, err
	}, nil
}

// linkOf is the link type of a packet of a pcapng file.
func linkOf(info gopacket.CaptureInfo) layers.LinkType {
	if len(info.AncillaryData) > 0 {
		if link, ok := info.AncillaryData[0].(layers.LinkType); ok {
			return link
		}
	}
	return layers.LinkTypeNull
}

// capture is a capture that is being read.
type capture struct {
	Captured
	builder *builder
	flows   flows
}

// add takes up one frame.
func (c *capture) add(link layers.LinkType, frame []byte) {
	s, ok := readFrame(link, frame)
	switch {
	case !ok || s.to.Port() != c.builder.options.Port:
	case s.tcp && s.fragment:
		c.Unusable++
	case s.tcp:
		c.flows.add(&s, c.use)
	case s.fragment || s.missing > 0:
		c.Unusable++
	default:
		c.use(s.data)
	}
}

// use adds the query that a message is, and tells whether it is a DNS message.
func (c *capture) use(wire []byte) bool {
	m, kind := parse(wire)
	if kind == noMessage {
		c.Unusable++
		return false
	}
	if kind != oneQuery {
		c.Unusable++
		return true
	}
	b := c.builder
	if !b.options.AsCaptured {
		m.header, m.opt = b.options.header(), b.opt
		m.cookie, m.padding = b.options.Cookie, b.options.Padding
	}
	if !b.addMessage(&m) {
		c.Unusable++
	}
	return true
}

// What parse finds.
const (
	noMessage = iota
	otherMessage
	oneQuery
)

// parse reads a query. Its header and OPT record are as they were captured, without
// the cookie's bytes.
func parse(wire []byte) (m message, kind int) {
	if len(wire) < headerBytes {
		return m, noMessage
	}
	const response, opcode, flags = 0x80, 0x78, 0x01
	if wire[2]&(response|opcode) != 0 || binary.BigEndian.Uint16(wire[4:]) != 1 {
		return m, otherMessage
	}
	n, ok := dname.Check(wire[headerBytes:])
	at := headerBytes + n + 4
	if !ok || at > len(wire) {
		return m, noMessage
	}
	m.question = wire[headerBytes:at]
	switch binary.BigEndian.Uint16(wire[at-4:]) {
	case dns.TypeAXFR, dns.TypeIXFR, dns.TypeOPT:
		return m, otherMessage
	}
	m.header = [2]byte{wire[2] & flags, wire[3] & 0x30} // RD; AD and CD
	records := int(binary.BigEndian.Uint16(wire[6:])) +
		int(binary.BigEndian.Uint16(wire[8:])) +
		int(binary.BigEndian.Uint16(wire[10:]))
	for ; records > 0; records-- {
		next, ok := skipName(wire, at)
		if !ok || next+10 > len(wire) {
			return m, noMessage
		}
		end := next + 10 + int(binary.BigEndian.Uint16(wire[next+8:]))
		if end > len(wire) {
			return m, noMessage
		}
		if binary.BigEndian.Uint16(wire[next:]) == typeOPT {
			if wire[at] != 0 || m.opt != nil { // RFC 6891 §6.1.1: of the root, and only one
				return m, otherMessage
			}
			if !m.captureOPT(wire[at:end]) {
				return m, noMessage
			}
		}
		at = end
	}
	return m, oneQuery
}

// captureOPT keeps an OPT record, but for its cookie: of that there will be another one.
func (m *message) captureOPT(record []byte) bool {
	m.opt = bytes.Clone(record[:optBytes])
	options := record[optBytes:]
	for len(options) > 0 {
		if len(options) < optionHeader {
			return false
		}
		n := optionHeader + int(binary.BigEndian.Uint16(options[2:]))
		if n > len(options) {
			return false
		}
		if binary.BigEndian.Uint16(options) == optionCookie {
			m.cookie = true
		} else {
			m.opt = append(m.opt, options[:n]...)
		}
		options = options[n:]
	}
	return true
}
