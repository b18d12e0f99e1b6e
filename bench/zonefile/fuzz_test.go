package zonefile_test

import (
	"bytes"
	"testing"

	"yushan/bench/zonefile"
)

// FuzzCanonical puts any RDATA into lower case, which changes nothing else, once.
func FuzzCanonical(f *testing.F) {
	f.Add(uint16(2), []byte("\x02NS\x00"))
	f.Add(uint16(6), []byte("\x02Ns\x00\x01A\x02tW\x00AAAABBBBCCCCDDDDEEEE"))
	f.Add(uint16(15), []byte("AA\x04MAIL\x00"))
	f.Add(uint16(35), []byte("AABB\x01U\x03SIP\x00\x04_SIP\x00"))
	f.Add(uint16(46), []byte("AAAAAAAAAAAAAAAAAA\x02TW\x00SIGNATURE"))
	f.Add(uint16(16), []byte("\x04TEXT"))
	f.Add(uint16(33), []byte("AAA"))
	f.Fuzz(func(t *testing.T, rrtype uint16, rdata []byte) {
		once := zonefile.AppendCanonical([]byte("before"), rrtype, rdata)[6:]
		if !bytes.EqualFold(onlyASCII(once), onlyASCII(rdata)) {
			t.Errorf("%x of type %d became %x", rdata, rrtype, once)
		}
		if again := zonefile.AppendCanonical(nil, rrtype, once); !bytes.Equal(again, once) {
			t.Errorf("%x of type %d became %x the second time", once, rrtype, again)
		}
	})
}

// onlyASCII keeps EqualFold from folding what isn't ASCII.
func onlyASCII(b []byte) []byte {
	b = bytes.Clone(b)
	for i, c := range b {
		b[i] = c & 0x7F
	}
	return b
}
