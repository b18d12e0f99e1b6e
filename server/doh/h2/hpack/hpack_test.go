package hpack

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	peer "golang.org/x/net/http2/hpack"
)

// kindOf is such that tests see whether kinds go through the table unharmed.
func kindOf(name, value []byte) Kind { return Kind(len(name)*16+len(value)) | 1 }

var kinds = KindsOf(kindOf)

// read reads a block as text, one field a line.
func read(t testing.TB, d *Decoder, block []byte) (fields []string, err error) {
	r := d.Read(block, make([]byte, 0, 2*MinScratch))
	for r.Next() {
		if r.Large {
			fields = append(fields, "large")
			continue
		}
		if r.Kind != kindOf(r.Name, r.Value) {
			t.Errorf("%s: %s has kind %d, want %d", r.Name, r.Value, r.Kind, kindOf(r.Name, r.Value))
		}
		if want := len(r.Name) + len(r.Value) + 32; r.Size != want {
			t.Errorf("%s: %s has size %d, want %d", r.Name, r.Value, r.Size, want)
		}
		fields = append(fields, fmt.Sprintf("%q: %q", r.Name, r.Value))
	}
	return fields, r.Err()
}

func checkTable(t testing.TB, d *Decoder) {
	size, at := 0, 0
	for i, e := range d.table.entries[d.table.gone:] {
		if i > 0 && int(e.at) != at {
			t.Fatalf("entry %d begins at %d, want %d", i, e.at, at)
		}
		at = int(e.at) + int(e.name) + int(e.value)
		size += e.size()
	}
	if len(d.table.entries) > 0 && at != len(d.table.bytes) {
		t.Fatalf("entries end at %d of %d bytes", at, len(d.table.bytes))
	}
	if size != d.table.size || size > d.table.max {
		t.Fatalf("entries have size %d, the table says %d of %d", size, d.table.size, d.table.max)
	}
	if held := d.Held(); held > DefaultTableSize+DefaultTableSize/entryOverhead*8 {
		t.Fatalf("the table has %d bytes of memory", held)
	}
}

// RFC 7541 Appendix C.4: three requests with Huffman coding, one connection.
func TestAppendixC(t *testing.T) {
	d := NewDecoder(kinds)
	for _, test := range []struct{ block, want string }{
		{"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff",
			`":method": "GET" ":scheme": "http" ":path": "/" ":authority": "www.example.com"`},
		{"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf",
			`":method": "GET" ":scheme": "http" ":path": "/" ":authority": "www.example.com" "cache-control": "no-cache"`},
		{"\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf",
			`":method": "GET" ":scheme": "https" ":path": "/index.html" ":authority": "www.example.com" "custom-key": "custom-value"`},
	} {
		fields, err := read(t, &d, []byte(test.block))
		if got := strings.Join(fields, " "); got != test.want || err != nil {
			t.Errorf("%x: %s, %v\nwant %s", test.block, got, err, test.want)
		}
		checkTable(t, &d)
	}
	if d.table.size != 164 {
		t.Errorf("the table has size %d, RFC 7541 says 164", d.table.size)
	}
}

func TestHuffman(t *testing.T) {
	for symbol := range 256 {
		for _, text := range []string{
			string([]byte{byte(symbol)}),
			string([]byte{byte(symbol), 'a', byte(symbol), 0xff, byte(symbol), '0', byte(symbol)}),
			strings.Repeat(string([]byte{byte(symbol)}), 50),
		} {
			got, fits, ok := appendHuffman(make([]byte, 0, len(text)), peer.AppendHuffmanString(nil, text))
			if string(got) != text || !fits || !ok {
				t.Errorf("%q: decoded as %q, fits %v, ok %v", text, got, fits, ok)
			}
		}
	}
	if _, fits, ok := appendHuffman(make([]byte, 0, 4), peer.AppendHuffmanString(nil, "12345")); fits || !ok {
		t.Errorf("five bytes in room for four: fits %v, ok %v", fits, ok)
	}
	for _, bad := range []string{
		"\xff",                 // a byte of padding
		"\x1f\xff",             // a symbol, and more than seven bits of it
		"\xff\xff\xff\xff",     // EOS
		"\x07\xff\xff\xff\xff", // a symbol, and EOS
		"\x00",                 // padding that isn't ones
		"\xfe",
	} {
		if got, _, ok := appendHuffman(make([]byte, 0, 64), []byte(bad)); ok {
			t.Errorf("%x: decoded as %q, want an error (RFC 7541 §5.2)", bad, got)
		}
	}
}

func TestBadBlocks(t *testing.T) {
	for name, block := range map[string]string{
		"index 0":                        "\x80",
		"index beyond the tables":        "\xbe",
		"name beyond the tables":         "\x7e\x01a",
		"integer that ends":              "\xff",
		"integer too long":               "\xff\x80\x80\x80\x80\x80\x01",
		"no value":                       "\x41",
		"string that ends":               "\x41\x05abcd",
		"string longer than all":         "\x41\x7f\xff\xff\xff\x7fabcd",
		"bad Huffman code":               "\x41\x81\x00",
		"table size above the limit":     "\x3f\xe2\x1f",
		"table size after a field":       "\x82\x20",
		"table size after a large field": "\x00\x01a\x7f\x81\x80\x01" + strings.Repeat("v", 16512) + "\x20",
	} {
		d := NewDecoder(kinds)
		if fields, err := read(t, &d, []byte(block)); err != ErrCompression {
			t.Errorf("%s: read as %v, %v; want %v", name, fields, err, ErrCompression)
		}
	}
}

// What a decoder doesn't decode must still do to the table what the peer's encoder
// thinks that it does.
func TestLargeFields(t *testing.T) {
	var block bytes.Buffer
	enc := peer.NewEncoder(&block)
	d := NewDecoder(kinds)
	write := func(name, value string) {
		t.Helper()
		block.Reset()
		if err := enc.WriteField(peer.HeaderField{Name: name, Value: value}); err != nil {
			t.Fatal(err)
		}
		fields, err := read(t, &d, block.Bytes())
		if len(fields) != 1 || err != nil {
			t.Fatalf("%.10s of %d bytes: %d fields, %v", name, len(value), len(fields), err)
		}
		want := fmt.Sprintf("%q: %q", name, value)
		if len(name)+len(value) > 2*MinScratch {
			want = "large"
		}
		if fields[0] != want {
			t.Errorf("read %.50s, want %.50s", fields[0], want)
		}
		checkTable(t, &d)
	}
	write("a", "b")
	write("a", strings.Repeat("large", 2000))
	write("a", "b") // would refer to the table if that were not empty
	write(strings.Repeat("n", 9000), "v")
	write("c", "d")
	write("a", "b")
	write("c", strings.Repeat("x", DefaultTableSize-33)) // fills the table
	write("c", strings.Repeat("x", DefaultTableSize-33))
	write("c", strings.Repeat("x", DefaultTableSize-32)) // doesn't fit
	write("c", "d")
}

// A field that is larger than the table empties it (RFC 7541 §4.4), decoded or not.
func TestLargeFieldEmptiesTable(t *testing.T) {
	value := strings.Repeat("large", 2000)
	coded := peer.AppendHuffmanString(nil, value)
	for name, block := range map[string][]byte{
		"plain": appendLiteral(nil, 0x40, 6, 0, "a", value),
		"coded": append(appendInteger([]byte("\x40\x01a"), 0x80, 7, len(coded)), coded...),
	} {
		d := NewDecoder(kinds)
		if _, err := read(t, &d, []byte("\x40\x01a\x01b\xbe")); err != nil {
			t.Fatal(err)
		}
		if fields, err := read(t, &d, block); err != nil || len(fields) != 1 {
			t.Errorf("%s: %d fields, %v", name, len(fields), err)
		}
		if fields, err := read(t, &d, []byte("\xbe")); err != ErrCompression {
			t.Errorf("%s: the table still has %v", name, fields)
		}
	}
}

// A name that refers to an entry which is evicted for it (RFC 7541 §4.4).
func TestEvictedName(t *testing.T) {
	d := NewDecoder(kinds)
	for _, test := range []struct {
		value string
		kept  int
	}{
		{"\x7f\xde\x1e" + strings.Repeat("v", DefaultTableSize-entryOverhead-len("name")+1), 0},
		{"\x7f\xdd\x1e" + strings.Repeat("v", DefaultTableSize-entryOverhead-len("name")), 1},
	} {
		if _, err := read(t, &d, []byte("\x40\x04name"+test.value)); err != nil {
			t.Fatal(err)
		}
		if got := d.table.len(); got != test.kept {
			t.Fatalf("%d entries after a value of %d bytes, want %d", got, len(test.value)-3, test.kept)
		}
	}
	fields, err := read(t, &d, []byte("\x7e\x7f\x00"+strings.Repeat("w", 127)))
	want := fmt.Sprintf("%q: %q", "name", strings.Repeat("w", 127))
	if err != nil || len(fields) != 1 || fields[0] != want {
		t.Errorf("read %v, %v; want %s", fields, err, want)
	}
	checkTable(t, &d)
}

// randomField is one that has a good chance to come again.
func randomField(r *rand.Rand) peer.HeaderField {
	f := peer.HeaderField{Sensitive: r.IntN(8) == 0}
	switch r.IntN(4) {
	case 0:
		f.Name, f.Value = string(static[1+r.IntN(61)].name), string(static[1+r.IntN(61)].value)
	case 1:
		f.Name, f.Value = fmt.Sprint("x-", r.IntN(20)), strings.Repeat("é", r.IntN(4))
	case 2:
		f.Name, f.Value = ":path", fmt.Sprint("/dns-query?dns=", r.Uint64())
	case 3:
		f.Name, f.Value = fmt.Sprint("long-", r.IntN(3)), strings.Repeat("0123456789", r.IntN(500))
	}
	return f
}

func TestAgainstPeerEncoder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var block bytes.Buffer
		enc := peer.NewEncoder(&block)
		d := NewDecoder(kinds)
		for range 20 {
			block.Reset()
			if r.IntN(4) == 0 {
				enc.SetMaxDynamicTableSize(uint32(r.IntN(DefaultTableSize + 1)))
			}
			var want []string
			for range r.IntN(12) {
				f := randomField(r)
				enc.WriteField(f)
				want = append(want, fmt.Sprintf("%q: %q", f.Name, f.Value))
			}
			got, err := read(t, &d, block.Bytes())
			if !slices.Equal(got, want) || err != nil {
				t.Fatalf("read %.300v, %v\nwant %.300v", got, err, want)
			}
			checkTable(t, &d)
		}
	}
}

func TestEncoderAgainstPeer(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var e Encoder
		d := peer.NewDecoder(DefaultTableSize, nil)
		var got []string
		d.SetEmitFunc(func(f peer.HeaderField) { got = append(got, fmt.Sprintf("%q: %q", f.Name, f.Value)) })
		for range 20 {
			for range r.IntN(3) {
				// A peer's decoder accepts at once what its settings say.
				size := []uint32{0, 100, 512, 4096, 1 << 20}[r.IntN(5)]
				e.SetTableSize(size)
				d.SetAllowedMaxDynamicTableSize(size)
			}
			block := e.AppendStart(nil)
			var want []string
			add := func(name, value string) { want = append(want, fmt.Sprintf("%q: %q", name, value)) }
			for range r.IntN(8) {
				switch f := randomField(r); r.IntN(3) {
				case 0:
					block = e.AppendConstant(block, f.Name, f.Value)
					add(f.Name, f.Value)
				case 1:
					i := 1 + r.IntN(staticLen)
					block = AppendIndexed(block, i)
					add(string(static[i].name), string(static[i].value))
				case 2:
					i := 1 + r.IntN(staticLen)
					block = AppendLiteral(block, i, f.Value)
					add(string(static[i].name), f.Value)
				}
			}
			got = nil
			if _, err := d.Write(block); err != nil {
				t.Fatalf("%x: %v", block, err)
			}
			if err := d.Close(); err != nil {
				t.Fatalf("%x: %v", block, err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("the peer reads %.300v\nwant %.300v", got, want)
			}
		}
	}
}

// A response's constant fields cost a byte each from the second time on.
func TestEncoderRemembers(t *testing.T) {
	var e Encoder
	write := func() int {
		block := e.AppendStart(nil)
		block = e.AppendConstant(block, "content-type", "application/dns-message")
		return len(e.AppendConstant(block, "alt-svc", `h3=":443"`))
	}
	if write(); write() != 2 {
		t.Errorf("two known fields take %d bytes, want 2", write())
	}
	e.SetTableSize(0)
	// 0x20 twice: to 0, and to the size that was set.
	if first, then := write(), write(); first != then+2 || then < 2+len("application/dns-message"+"alt-svc"+`h3=":443"`) {
		t.Errorf("without a table the block is %d bytes, then %d", first, then)
	}
}

// FuzzDecoder: arbitrary blocks, one connection, beside the other implementation.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"), []byte("\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf"))
	f.Add([]byte("\x40\x01a\x01b\x40\x01c\x01d"), []byte("\xbe\xbf\x7e\x01e\xc0"))
	f.Add([]byte("\x20\x3f\xe1\x1f\x82"), []byte("\x20\x82"))
	f.Add([]byte("\x00\x01a\x81\xff"), []byte("\x10\x03abc\x85\x1f\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		d := NewDecoder(kinds)
		other := peer.NewDecoder(DefaultTableSize, nil)
		for _, block := range [][]byte{first, second} {
			got, err := read(t, &d, block)
			checkTable(t, &d)
			want, otherErr := other.DecodeFull(block)
			if err != nil && otherErr == nil && onlyOursRefuses(block) {
				return
			}
			if (err == nil) != (otherErr == nil) {
				t.Fatalf("%x: %v, the other says %v", block, err, otherErr)
			}
			if err != nil {
				return
			}
			for i, f := range want {
				text := fmt.Sprintf("%q: %q", f.Name, f.Value)
				if i >= len(got) || got[i] != text && got[i] != "large" {
					t.Fatalf("%x: read %v, the other reads %v", block, got, want)
				}
			}
			if len(got) != len(want) {
				t.Fatalf("%x: read %v, the other reads %v", block, got, want)
			}
		}
	})
}

// onlyOursRefuses tells whether a block may have what the other accepts: integers in
// more bytes than needed, and table size updates between fields (RFC 7541 §4.2).
func onlyOursRefuses(block []byte) bool {
	for i, b := range block {
		if b&0x80 != 0 || i > 0 && b&0xe0 == 0x20 {
			return true
		}
	}
	return false
}
