package query

import (
	"encoding/binary"
	"net/netip"

	"github.com/gopacket/gopacket/layers"
)

// segment is what a captured packet carries of UDP or TCP.
type segment struct {
	from, to netip.AddrPort
	tcp      bool
	// fragment: only part of the datagram is in the packet (RFC 791 §3.2). Of one
	// that isn't the first, there are no ports.
	fragment bool
	// missing is how many bytes of data were sent and not captured.
	missing int
	data    []byte

	sequence      uint32 // of TCP, as what follows
	opened, ended bool   // SYN; FIN or RST
}

// EtherTypes (IEEE 802).
const (
	etherIPv4   = 0x0800
	etherIPv6   = 0x86dd
	etherVLAN   = 0x8100
	etherQinQ   = 0x88a8
	etherOldQ   = 0x9100 // of stacked VLANs, before 802.1ad
	etherPPPoE  = 0x8864
	pppIPv4     = 0x0021
	pppIPv6     = 0x0057
	protocolTCP = 6
	protocolUDP = 17
)

// Kinds of raw IP frames that have more than one number: LINKTYPE_RAW is 101, and DLT_RAW,
// which some systems write into files, is 12 or 14.
const (
	linkRaw12 layers.LinkType = 12
	linkRaw14 layers.LinkType = 14
	linkIPv6  layers.LinkType = 229
)

// knownLink tells whether frames of a kind can be read.
func knownLink(link layers.LinkType) bool {
	switch link {
	case layers.LinkTypeEthernet, layers.LinkTypeLinuxSLL, layers.LinkTypeLinuxSLL2,
		layers.LinkTypeNull, layers.LinkTypeLoop,
		layers.LinkTypeRaw, linkRaw12, linkRaw14, layers.LinkTypeIPv4, linkIPv6:
		return true
	}
	return false
}

// readFrame finds UDP or TCP in a frame.
func readFrame(link layers.LinkType, frame []byte) (s segment, ok bool) {
	switch link {
	case layers.LinkTypeEthernet:
		if len(frame) < 14 {
			return s, false
		}
		return readEther(binary.BigEndian.Uint16(frame[12:]), frame[14:])
	case layers.LinkTypeLinuxSLL:
		if len(frame) < 16 {
			return s, false
		}
		return readEther(binary.BigEndian.Uint16(frame[14:]), frame[16:])
	case layers.LinkTypeLinuxSLL2:
		if len(frame) < 20 {
			return s, false
		}
		return readEther(binary.BigEndian.Uint16(frame), frame[20:])
	case layers.LinkTypeNull, layers.LinkTypeLoop:
		// An address family follows, in some byte order and of some system: the version
		// in the IP header says as much.
		if len(frame) < 4 {
			return s, false
		}
		frame = frame[4:]
	}
	return readIP(frame)
}

// readEther reads what an EtherType stands for.
func readEther(ether uint16, b []byte) (s segment, ok bool) {
	for ether == etherVLAN || ether == etherQinQ || ether == etherOldQ {
		if len(b) < 4 {
			return s, false
		}
		ether, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	if ether == etherPPPoE {
		if len(b) < 8 {
			return s, false
		}
		switch binary.BigEndian.Uint16(b[6:]) {
		case pppIPv4, pppIPv6:
			return readIP(b[8:])
		}
		return s, false
	}
	if ether != etherIPv4 && ether != etherIPv6 {
		return s, false
	}
	return readIP(b)
}

func readIP(b []byte) (s segment, ok bool) {
	if len(b) == 0 {
		return s, false
	}
	switch b[0] >> 4 {
	case 4:
		return readIPv4(b)
	case 6:
		return readIPv6(b)
	}
	return s, false
}

// within leaves off what is behind the end of a packet (Ethernet pads short ones), and
// returns how many of its bytes are missing. A length of 0 is that of a packet which
// the network card was to cut up: it says nothing.
func within(b []byte, length, header int) (rest []byte, missing int) {
	switch {
	case length == 0:
		return b, 0
	case length > len(b):
		return b, length - len(b)
	}
	return b[:max(length, header)], 0
}

// readIPv4 reads a packet of RFC 791.
func readIPv4(b []byte) (s segment, ok bool) {
	if len(b) < 20 {
		return s, false
	}
	header := int(b[0]&15) * 4
	if header < 20 || header > len(b) {
		return s, false
	}
	b, s.missing = within(b, int(binary.BigEndian.Uint16(b[2:])), header)
	const moreOrOffset = 0x3fff
	place := binary.BigEndian.Uint16(b[6:])
	s.fragment = place&moreOrOffset != 0
	from, to := netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	return s.transport(from, to, b[9], place&(moreOrOffset>>1), b[header:])
}

// readIPv6 reads a packet of RFC 8200.
func readIPv6(b []byte) (s segment, ok bool) {
	const header = 40
	if len(b) < header {
		return s, false
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length != 0 {
		length += header
	}
	b, s.missing = within(b, length, header)
	from, to := netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	next, rest, offset := b[6], b[header:], uint16(0)
	for {
		var n int
		switch next {
		case 0, 43, 60: // hop-by-hop, routing, destination options
			if len(rest) < 8 {
				return s, false
			}
			n = 8 + int(rest[1])*8
		case 44: // fragment
			if len(rest) < 8 {
				return s, false
			}
			place := binary.BigEndian.Uint16(rest[2:])
			offset = place >> 3
			// An "atomic fragment" is whole (RFC 6946).
			s.fragment = s.fragment || place&^6 != 0
			n = 8
		case 51: // authentication (RFC 4302)
			if len(rest) < 8 {
				return s, false
			}
			n = 8 + int(rest[1])*4
		default:
			return s.transport(from, to, next, offset, rest)
		}
		if n > len(rest) {
			return s, false
		}
		next, rest = rest[0], rest[n:]
	}
}

// transport reads the header of UDP or TCP. offset is where in a datagram this is.
func (s segment) transport(from, to netip.Addr, protocol byte, offset uint16, b []byte) (segment, bool) {
	s.tcp = protocol == protocolTCP
	if !s.tcp && protocol != protocolUDP {
		return s, false
	}
	if offset != 0 {
		return s, true
	}
	header := 8
	if s.tcp {
		header = 20
	}
	if len(b) < header {
		return s, false
	}
	s.from = netip.AddrPortFrom(from, binary.BigEndian.Uint16(b))
	s.to = netip.AddrPortFrom(to, binary.BigEndian.Uint16(b[2:]))
	if !s.tcp {
		length := int(binary.BigEndian.Uint16(b[4:]))
		s.data = b[header:]
		if length >= header && length-header < len(s.data) {
			s.data, s.missing = s.data[:length-header], 0
		}
		return s, true
	}
	header = int(b[12]>>4) * 4
	if header < 20 || header > len(b) {
		return s, false
	}
	s.sequence = binary.BigEndian.Uint32(b[4:])
	s.opened, s.ended = b[13]&0x02 != 0, b[13]&0x05 != 0
	s.data = b[header:]
	return s, true
}
