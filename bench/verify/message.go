package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"yushan/bench/zonefile"
	"yushan/zone/dname"
)

// The sections of a message that hold records.
const (
	answer = iota
	authority
	additional
)

var sections = [...]string{"answer", "authority", "additional"}

const headerBytes = 12

// Bits of the header's third and fourth byte.
const (
	flagQR = 1 << 15
	flagAA = 1 << 10
	flagTC = 1 << 9
	flagRD = 1 << 8
	flagZ  = 1 << 6
)

// message is one that has been read. Its names are in lower case, also in the RDATA, as
// zonefile.AppendCanonical has it. All of it is valid until the next one is read.
type message struct {
	wire  []byte
	flags uint16
	// questions is how many it has; the first one is here.
	questions     int
	name          []byte // in lower case
	qtype, qclass uint16
	records       []record
	sets          []rrset
	opts          int // how many OPT records
	opt           opt
	memory        []byte
}

// opt is an OPT record.
type opt struct {
	root     bool // its owner is the root, as it must be
	size     uint16
	extended uint8 // high bits of the RCODE
	version  uint8
	do       bool
	reserved uint16 // the flags behind DO
	options  []byte
	section  int
}

// record is one resource record.
type record struct {
	set   int // in message.sets
	rdata []byte
}

// rrset is the records of one section that have owner and type in common; of RRSIG
// records, the type that they cover as well.
type rrset struct {
	section        uint8
	owner          []byte
	rrtype         uint16
	covered        uint16 // of RRSIG
	class          uint16
	minTTL, maxTTL uint32
	first, len     int  // the first of its records, and how many there are
	used           bool // it has its place in the answer
}

var (
	errShort   = errors.New("it ends within a record")
	errName    = errors.New("a name is broken")
	errOptions = errors.New("an EDNS option is longer than its record")
)

// read takes a message apart.
func (m *message) read(wire []byte) error {
	m.wire = wire
	m.memory, m.records, m.sets = m.memory[:0], m.records[:0], m.sets[:0]
	m.opts, m.questions, m.name = 0, 0, nil
	if len(wire) < headerBytes {
		return fmt.Errorf("%d bytes are no header", len(wire))
	}
	m.flags = binary.BigEndian.Uint16(wire[2:])
	m.questions = int(binary.BigEndian.Uint16(wire[4:]))
	at := headerBytes
	for i := range m.questions {
		name, next, err := m.readName(at)
		if err != nil {
			return err
		}
		if len(wire)-next < 4 {
			return errShort
		}
		if i == 0 {
			m.name, m.qtype, m.qclass = name, binary.BigEndian.Uint16(wire[next:]), binary.BigEndian.Uint16(wire[next+2:])
		}
		at = next + 4
	}
	for section := range sections {
		for range binary.BigEndian.Uint16(wire[6+2*section:]) {
			next, err := m.readRecord(section, at)
			if err != nil {
				return fmt.Errorf("%s section: %w", sections[section], err)
			}
			at = next
		}
	}
	if at < len(wire) {
		return fmt.Errorf("%d bytes follow the last record", len(wire)-at)
	}
	return nil
}

func (m *message) readRecord(section, at int) (next int, err error) {
	owner, at, err := m.readName(at)
	if err != nil {
		return 0, err
	}
	if len(m.wire)-at < 10 {
		return 0, errShort
	}
	head := m.wire[at:]
	rrtype, class, ttl := binary.BigEndian.Uint16(head), binary.BigEndian.Uint16(head[2:]), binary.BigEndian.Uint32(head[4:])
	start := at + 10
	next = start + int(binary.BigEndian.Uint16(head[8:]))
	if next > len(m.wire) {
		return 0, errShort
	}
	if rrtype == typeOPT {
		m.opts++
		m.opt = opt{
			root: len(owner) == 1, size: class, extended: uint8(ttl >> 24), version: uint8(ttl >> 16), do: ttl&(1<<15) != 0, reserved: uint16(ttl) & 0x7FFF,
			options: m.wire[start:next], section: section,
		}
		for rest := m.opt.options; len(rest) > 0; {
			if len(rest) < 4 || len(rest) < 4+int(binary.BigEndian.Uint16(rest[2:])) {
				return 0, errOptions
			}
			rest = rest[4+int(binary.BigEndian.Uint16(rest[2:])):]
		}
		return next, nil
	}
	rdata, err := m.readRDATA(rrtype, start, next)
	if err != nil {
		return 0, fmt.Errorf("%s record of %s: %w", typeName(rrtype), dname.Display(owner), err)
	}
	covered := uint16(0)
	if rrtype == typeRRSIG {
		if len(rdata) < 2 {
			return 0, errShort
		}
		covered = binary.BigEndian.Uint16(rdata)
	}
	m.add(uint8(section), owner, rrtype, covered, class, ttl, rdata)
	return next, nil
}

// add puts a record into its RRset.
func (m *message) add(section uint8, owner []byte, rrtype, covered, class uint16, ttl uint32, rdata []byte) {
	for i := len(m.sets) - 1; i >= 0; i-- {
		s := &m.sets[i]
		if s.rrtype == rrtype && s.section == section && s.covered == covered && s.class == class && bytes.Equal(s.owner, owner) {
			s.minTTL, s.maxTTL = min(s.minTTL, ttl), max(s.maxTTL, ttl)
			s.len++
			m.records = append(m.records, record{set: i, rdata: rdata})
			return
		}
	}
	m.sets = append(m.sets, rrset{
		section: section, owner: owner, rrtype: rrtype, covered: covered, class: class,
		minTTL: ttl, maxTTL: ttl, first: len(m.records), len: 1,
	})
	m.records = append(m.records, record{set: len(m.sets) - 1, rdata: rdata})
}

// find returns an RRset of class IN, nil if there is none.
func (m *message) find(section uint8, owner []byte, rrtype uint16) *rrset {
	return m.findSet(section, owner, rrtype, 0)
}

// findSignatures returns the RRSIG records that cover a type.
func (m *message) findSignatures(section uint8, owner []byte, covered uint16) *rrset {
	return m.findSet(section, owner, typeRRSIG, covered)
}

func (m *message) findSet(section uint8, owner []byte, rrtype, covered uint16) *rrset {
	for i := range m.sets {
		s := &m.sets[i]
		if s.rrtype == rrtype && s.section == section && s.covered == covered && s.class == classIN && bytes.Equal(s.owner, owner) {
			return s
		}
	}
	return nil
}

// rdata appends the RDATA of an RRset to a list.
func (m *message) rdata(list [][]byte, s *rrset) [][]byte {
	number, n := m.records[s.first].set, s.len
	for i := s.first; n > 0; i++ {
		if m.records[i].set == number {
			list = append(list, m.records[i].rdata)
			n--
		}
	}
	return list
}

// readName returns the name at a place in lower case, and where it ends there.
func (m *message) readName(at int) (name []byte, next int, err error) {
	if at+1 < len(m.wire) && m.wire[at] == 0xC0 && m.wire[at+1] == headerBytes && m.name != nil {
		return m.name, at + 2, nil
	}
	start := len(m.memory)
	if next, err = m.appendName(at, len(m.wire)); err != nil {
		return nil, 0, err
	}
	name = m.memory[start:len(m.memory):len(m.memory)]
	return name, next, nil
}

// appendName appends a name to memory. Its own labels end before limit.
func (m *message) appendName(at, limit int) (next int, err error) {
	length, pointers := 0, 0
	end := limit // of what may be read: pointers lead only backwards
	for {
		if at >= end {
			return 0, errName
		}
		label := int(m.wire[at])
		switch {
		case label == 0:
			m.memory = append(m.memory, 0)
			if next == 0 {
				next = at + 1
			}
			return next, nil
		case label >= 0xC0:
			if at+1 >= end {
				return 0, errName
			}
			target := label&0x3F<<8 | int(m.wire[at+1])
			if next == 0 {
				next = at + 2
			}
			// Each but the last leads to a label.
			if pointers++; target >= at || target < headerBytes || pointers > dname.MaxLabels+1 {
				return 0, errName
			}
			at, end = target, at
		case label > dname.MaxLabel:
			return 0, errName
		default:
			if length += 1 + label; length >= dname.MaxWire || at+1+label > end {
				return 0, errName
			}
			m.memory = dname.AppendLower(m.memory, m.wire[at:at+1+label])
			at += 1 + label
		}
	}
}

// readRDATA returns RDATA without compression.
func (m *message) readRDATA(rrtype uint16, at, end int) ([]byte, error) {
	layout := zonefile.LayoutOf(rrtype)
	if layout.Names == 0 {
		return m.wire[at:end:end], nil
	}
	start := len(m.memory)
	before := at + int(layout.Before)
	for range layout.Strings {
		if before >= end {
			return nil, errShort
		}
		before += 1 + int(m.wire[before])
	}
	if before > end {
		return nil, errShort
	}
	m.memory = append(m.memory, m.wire[at:before]...)
	at = before
	for range layout.Names {
		next, err := m.appendName(at, end)
		if err != nil {
			return nil, err
		}
		at = next
	}
	m.memory = append(m.memory, m.wire[at:end]...)
	return m.memory[start:len(m.memory):len(m.memory)], nil
}
