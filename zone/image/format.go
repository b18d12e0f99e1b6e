package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"yushan/zone"
)

// The parts of the file that doc.go draws.
const (
	magic      = "yushan\r\n"
	format     = 2
	fixedBytes = 32
	pageBytes  = 4096
	blockBytes = 256 << 10 // of memory that one checksum covers
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// head is what a file says before its memory.
type head struct {
	Header
	facts       []byte
	data, trees []uint32 // lengths of chunks
	checksums   []uint32
}

// memoryBytes is how long all chunks are together.
func (h *head) memoryBytes() (n int64) {
	for _, lengths := range [][]uint32{h.data, h.trees} {
		for _, length := range lengths {
			n += int64(length)
		}
	}
	return n
}

func blocksOf(memory int64) int64 { return (memory + blockBytes - 1) / blockBytes }

// memoryAt is where the memory begins behind a head of so many bytes.
func memoryAt(head int64) int64 { return (fixedBytes + head + pageBytes - 1) / pageBytes * pageBytes }

// encode returns the beginning of a file.
func (h *head) encode() ([]byte, error) {
	e := encoder{append(make([]byte, 0, pageBytes), make([]byte, fixedBytes)...)}
	e.bytes(h.Origin)
	e.u32(h.Serial)
	e.u64(uint64(h.Written.UnixNano()))
	e.bytes([]byte(h.Build))
	e.u32(uint32(len(h.Sources)))
	for _, s := range h.Sources {
		e.bytes([]byte(s.Path))
		e.u64(s.Device)
		e.u64(s.Inode)
		e.u64(uint64(s.Size))
		e.time(s.Modified)
		e.time(s.Changed)
	}
	var report zone.Report
	if h.Report != nil {
		report = *h.Report
	}
	e.bool(h.Whole)
	e.u32(uint32(report.Warnings))
	e.u32(uint32(len(report.Findings)))
	for _, f := range report.Findings {
		e.bytes([]byte(f.Code))
		e.bytes([]byte(f.File))
		e.u32(uint32(f.Line))
		e.u32(uint32(f.Column))
		e.bytes([]byte(f.Message))
	}
	e.bytes(h.facts)
	for _, list := range [][]uint32{h.data, h.trees, h.checksums} {
		e.u32(uint32(len(list)))
		for _, n := range list {
			e.u32(n)
		}
	}
	size := int64(len(e.b)) - fixedBytes
	if size > math.MaxUint32 {
		return nil, fmt.Errorf("a head of %d bytes", size)
	}
	copy(e.b, magic)
	binary.LittleEndian.PutUint32(e.b[8:], format)
	binary.LittleEndian.PutUint32(e.b[12:], zone.SnapshotLayout)
	binary.LittleEndian.PutUint64(e.b[16:], uint64(memoryAt(size)+h.memoryBytes()))
	binary.LittleEndian.PutUint32(e.b[24:], uint32(size))
	binary.LittleEndian.PutUint32(e.b[28:], checksumOf(e.b[:28], e.b[fixedBytes:]))
	return append(e.b, make([]byte, memoryAt(size)-fixedBytes-size)...), nil
}

func checksumOf(fixed, head []byte) uint32 {
	return crc32.Update(crc32.Checksum(fixed, castagnoli), castagnoli, head)
}

// fixed is the first bytes of a file.
type fixed struct {
	fileBytes int64
	headBytes int64
	checksum  uint32
}

// decodeFixed reads the first bytes of a file. Errors say why it is of no use here.
func decodeFixed(b []byte) (f fixed, err error) {
	if len(b) < fixedBytes || string(b[:8]) != magic {
		return f, errors.New("it is not an image of a zone")
	}
	if n := binary.LittleEndian.Uint32(b[8:]); n != format {
		return f, fmt.Errorf("it has format %d, this version of yushan reads format %d", n, format)
	}
	if n := binary.LittleEndian.Uint32(b[12:]); n != zone.SnapshotLayout {
		return f, fmt.Errorf("its memory has layout %d, this version of yushan has layout %d", n, zone.SnapshotLayout)
	}
	size := binary.LittleEndian.Uint64(b[16:])
	if size > math.MaxInt64 {
		return f, fmt.Errorf("it is said to be %d bytes long", size)
	}
	return fixed{int64(size), int64(binary.LittleEndian.Uint32(b[24:])), binary.LittleEndian.Uint32(b[28:])}, nil
}

// decodeHead reads the head. What it says of lengths agrees with the file's.
func decodeHead(f fixed, b []byte) (*head, error) {
	d := decoder{b: b}
	h := &head{}
	h.Origin = d.bytes()
	h.Serial = d.u32()
	h.Written = time.Unix(0, int64(d.u64()))
	h.Build = string(d.bytes())
	for range d.count(4 + 48) {
		h.Sources = append(h.Sources, Source{
			Path: string(d.bytes()), Device: d.u64(), Inode: d.u64(), Size: int64(d.u64()), Modified: d.time(), Changed: d.time(),
		})
	}
	h.Whole = d.bool()
	h.Report = &zone.Report{Warnings: int(d.u32())}
	for range d.count(5 * 4) {
		h.Report.Findings = append(h.Report.Findings, zone.Finding{
			Severity: zone.Warning, Code: zone.Code(d.bytes()), File: string(d.bytes()),
			Line: int(d.u32()), Column: int(d.u32()), Message: string(d.bytes()),
		})
	}
	h.facts = d.bytes()
	for _, list := range []*[]uint32{&h.data, &h.trees, &h.checksums} {
		*list = make([]uint32, d.count(4))
		for i := range *list {
			(*list)[i] = d.u32()
		}
	}
	memory := h.memoryBytes()
	if d.failed || len(d.b) > 0 || int64(len(h.checksums)) != blocksOf(memory) || f.fileBytes != memoryAt(f.headBytes)+memory {
		return nil, errors.New("its head is damaged")
	}
	return h, nil
}

type encoder struct{ b []byte }

func (e *encoder) u32(n uint32) { e.b = binary.LittleEndian.AppendUint32(e.b, n) }
func (e *encoder) u64(n uint64) { e.b = binary.LittleEndian.AppendUint64(e.b, n) }

func (e *encoder) time(t time.Time) {
	e.u64(uint64(t.Unix()))
	e.u32(uint32(t.Nanosecond()))
}

func (e *encoder) bool(b bool) {
	var n uint32
	if b {
		n = 1
	}
	e.u32(n)
}

func (e *encoder) bytes(b []byte) {
	e.u32(uint32(len(b)))
	e.b = append(e.b, b...)
}

// decoder gives zeros once something was too short.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) take(n uint64) []byte {
	if uint64(len(d.b)) < n {
		d.failed, d.b = true, nil
		return make([]byte, min(n, 8))
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) u32() uint32   { return binary.LittleEndian.Uint32(d.take(4)) }
func (d *decoder) u64() uint64   { return binary.LittleEndian.Uint64(d.take(8)) }
func (d *decoder) bytes() []byte { return d.take(uint64(d.u32())) }
func (d *decoder) bool() bool    { return d.u32() != 0 }

func (d *decoder) time() time.Time {
	seconds := int64(d.u64())
	return time.Unix(seconds, int64(d.u32()))
}

// count reads how many things of at least so many bytes follow.
func (d *decoder) count(least int) int {
	n := d.u32()
	if uint64(n)*uint64(least) > uint64(len(d.b)) {
		d.failed, d.b = true, nil
		return 0
	}
	return int(n)
}
