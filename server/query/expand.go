package query

import (
	"encoding/binary"

	"yushan/zone"
)

// putExpanded is put for parts that lie so far back in a large message that
// compression pointers do not reach their targets. Such names are written in
// full.
func (m *message) putExpanded(section int, p zone.Part, at names) bool {
	x := expansion{m: m, part: p, at: at, fixups: p.Fixups, n: m.n, whole: len(p.Bytes)}
	for x.src < len(p.Bytes) && x.ok() {
		x.record()
	}
	if !x.ok() {
		return false
	}
	m.n = x.n
	m.counts[section] += uint16(p.Records)
	return true
}

// expansion is the state of one putExpanded.
type expansion struct {
	m      *message
	part   zone.Part
	at     names
	fixups []byte // not yet reached
	src    int    // position in part.Bytes
	n      int    // position in the message
	whole  int    // names that begin up to here in part.Bytes are in the message where at.fragment says
	failed bool
}

func (x *expansion) ok() bool { return !x.failed }

func (x *expansion) record() {
	x.pointer()
	x.copy(recordSize)
	length := x.n - 2
	end := x.src + int(binary.BigEndian.Uint16(x.part.Bytes[x.src-2:]))
	for x.src < end && x.ok() {
		if next := x.nextFixup(); next < end {
			x.copy(next - x.src)
			x.pointer()
		} else {
			x.copy(end - x.src)
		}
	}
	if x.ok() {
		binary.BigEndian.PutUint16(x.m.buf[length:], uint16(x.n-length-2))
	}
}

func (x *expansion) nextFixup() int {
	if len(x.fixups) < 2 {
		return len(x.part.Bytes)
	}
	return int(binary.LittleEndian.Uint16(x.fixups))
}

func (x *expansion) copy(n int) {
	x.write(x.part.Bytes[x.src : x.src+n])
	x.src += n
}

func (x *expansion) write(b []byte) {
	if x.failed || x.n+len(b) > x.m.room {
		x.failed = true
		return
	}
	x.n += copy(x.m.buf[x.n:], b)
}

// pointer writes what the pointer at src means, as a pointer if that reaches.
func (x *expansion) pointer() {
	p := zone.Pointer(binary.BigEndian.Uint16(x.part.Bytes[x.src:]))
	x.src += 2
	x.fixups = x.fixups[2:]
	x.name(p)
	if x.n-x.m.n != x.src { // not two bytes: all that follows is moved
		x.whole = min(x.whole, x.src-2)
	}
}

func (x *expansion) name(p zone.Pointer) {
	var buf [256]byte
	inside := p.Base() == zone.ToFragment
	target := x.m.target(p, &x.at)
	switch {
	case target < maxTarget && !(inside && p.N() > x.whole):
		x.write(binary.BigEndian.AppendUint16(buf[:0], 0xc000|uint16(target)))
	case inside:
		x.labels(p.N())
	default:
		x.write(x.m.appendName(buf[:0], target))
	}
}

// labels writes the name at position i of the part. A pointer in it is known by
// its place in the list of fixups, not by its bits.
func (x *expansion) labels(i int) {
	for x.ok() {
		if x.part.IsPointer(i) {
			x.name(zone.Pointer(binary.BigEndian.Uint16(x.part.Bytes[i:])))
			return
		}
		l := int(x.part.Bytes[i])
		x.write(x.part.Bytes[i : i+1+l])
		if l == 0 {
			return
		}
		i += 1 + l
	}
}
