package ticket

import (
	"bytes"
	"crypto/tls"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// FuzzUnwrap hands out tickets as clients may send them: none that this server
// did not make may become a session.
func FuzzUnwrap(f *testing.F) {
	keys := New(Options{Secret: secret, Now: newClock().Now})
	// The same for all of the fuzzer's processes, so not with a random nonce.
	seal := keys.ring().seal
	nonce := bytes.Repeat([]byte{7}, chacha20poly1305.NonceSizeX)
	good := seal.aead.Seal(append(seal.name[:len(seal.name):len(seal.name)], nonce...), nonce, []byte("a session"), seal.name[:])
	if plain, ok := keys.ring().decrypt(good); !ok || string(plain) != "a session" {
		f.Fatalf("%q, %v", plain, ok)
	}
	f.Add([]byte{})
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(good[:nameBytes])
	f.Add(append(bytes.Clone(good[:nameBytes]), make([]byte, 100)...))
	f.Add(bytes.Repeat([]byte{1}, 65535))
	f.Fuzz(func(t *testing.T, ticket []byte) {
		before := bytes.Clone(ticket)
		plain, ok := keys.ring().decrypt(ticket)
		if ok && !bytes.Equal(ticket, good) {
			t.Fatalf("opened a forged ticket: %q", plain)
		}
		session, err := keys.unwrap(ticket, tls.ConnectionState{})
		if session != nil || err != nil {
			t.Fatalf("session %v, error %v", session, err)
		}
		if !bytes.Equal(ticket, before) {
			t.Fatal("the ticket was written to")
		}
	})
}

// TestEachBitOfATicketCounts changes them one by one.
func TestEachBitOfATicketCounts(t *testing.T) {
	keys := New(Options{Secret: secret, Now: newClock().Now})
	good := keys.ring().seal.append([]byte("a session"))
	if plain, ok := keys.ring().decrypt(good); !ok || string(plain) != "a session" {
		t.Fatalf("%q, %v", plain, ok)
	}
	for i := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		if _, ok := keys.ring().decrypt(bad); ok {
			t.Fatalf("bit %d does not count", i)
		}
	}
}
