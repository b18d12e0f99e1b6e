package image

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"os"
	"testing"

	"yushan/zone"
)

// FuzzOpen reads any bytes as an image, once as they are and once with checksums
// put right: whatever they are, there is an error or a zone that can be used.
func FuzzOpen(f *testing.F) {
	for _, delegations := range []int{0, 2} {
		z := testZone(f, delegations)
		b, err := os.ReadFile(save(f, z).Path(z.Origin()))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
		f.Add(b[:fixedBytes])
	}
	dir := Directory(memoryDirectory(f))
	origin := []byte("\x02tw\x00")
	f.Fuzz(func(t *testing.T, b []byte) {
		try := func() {
			if err := os.WriteFile(dir.Path(origin), b, 0o600); err != nil {
				t.Fatal(err)
			}
			img, err := dir.Open(origin)
			if err != nil {
				return
			}
			defer img.Close()
			z, err := img.LoadVerified(context.Background())
			if err != nil {
				return
			}
			n := 0
			for range z.Records() {
				n++
			}
			if n == 0 {
				t.Error("a zone without records")
			}
		}
		try()
		if mend(b) {
			try()
		}
	})
}

// memoryDirectory returns a directory that is in memory, where there are such.
func memoryDirectory(f *testing.F) string {
	dir, err := os.MkdirTemp("/dev/shm", "yushan-fuzz-")
	if err != nil {
		return f.TempDir()
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// mend puts versions, lengths and checksums right, as far as there is something
// to be right.
func mend(b []byte) bool {
	if len(b) < fixedBytes {
		return false
	}
	headBytes := int64(binary.LittleEndian.Uint32(b[24:]))
	at := memoryAt(headBytes)
	if at > int64(len(b)) {
		return false
	}
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], format)
	binary.LittleEndian.PutUint32(b[12:], zone.SnapshotLayout)
	binary.LittleEndian.PutUint64(b[16:], uint64(len(b)))
	head := b[fixedBytes : fixedBytes+headBytes]
	blocks := int(blocksOf(int64(len(b)) - at))
	if len(head) < 4*blocks {
		return false
	}
	for i, memory := 0, b[at:]; i < blocks; i++ {
		n := min(len(memory), blockBytes)
		binary.LittleEndian.PutUint32(head[len(head)-4*(blocks-i):], crc32.Checksum(memory[:n], castagnoli))
		memory = memory[n:]
	}
	binary.LittleEndian.PutUint32(b[28:], checksumOf(b[:28], head))
	return true
}

// FuzzDecodeHead reads any bytes as a head.
func FuzzDecodeHead(f *testing.F) {
	h := head{Header: testHeader, facts: []byte("facts"), data: []uint32{4096, 8192}, trees: []uint32{4096}, checksums: []uint32{1}}
	b, err := h.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[fixedBytes : fixedBytes+binary.LittleEndian.Uint32(b[24:])])
	f.Fuzz(func(t *testing.T, b []byte) {
		size := int64(len(b))
		for _, memory := range []int64{0, 16 << 10, blockBytes} {
			got, err := decodeHead(fixed{fileBytes: memoryAt(size) + memory, headBytes: size}, b)
			if err != nil {
				continue
			}
			if got.memoryBytes() != memory {
				t.Errorf("chunks of %d bytes in a file with %d", got.memoryBytes(), memory)
			}
		}
	})
}
