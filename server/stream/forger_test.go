package stream

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"
)

// forger is a client of TLS 1.3 that crypto/tls would not be: after the handshake
// it makes its records itself.
type forger struct {
	*client
	secure   *tls.Conn
	secret   []byte
	aead     cipher.AEAD
	nonce    [12]byte
	sequence uint64
}

const ( // RFC 8446 §5.1, §4
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
)

// keyUpdate asks for one in return (RFC 8446 §4.6.3).
var keyUpdate = []byte{24, 0, 0, 1, 1}

func forge(t *testing.T, s *Server) *forger {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn)
	var keys bytes.Buffer
	config := clientTLS()
	config.MinVersion = tls.VersionTLS13
	config.KeyLogWriter = &keys
	f := &forger{client: c, secure: tls.Client(conn, config)}
	if err := f.secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	if suite := f.secure.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skipf("%s: this test can't speak it", tls.CipherSuiteName(suite))
	}
	for line := range strings.Lines(keys.String()) {
		if fields := strings.Fields(line); fields[0] == "CLIENT_TRAFFIC_SECRET_0" {
			if f.secret, err = hex.DecodeString(fields[2]); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.useKeys()
	return f
}

// expand is RFC 8446 §7.1's HKDF-Expand-Label, without a context.
func expand(secret []byte, label string, length int) []byte {
	info := fmt.Sprintf("%s%c%s\x00", string([]byte{0, byte(length)}), len("tls13 "+label), "tls13 "+label)
	out, err := hkdf.Expand(sha256.New, secret, info, length)
	if err != nil {
		panic(err)
	}
	return out
}

func (f *forger) useKeys() {
	block, err := aes.NewCipher(expand(f.secret, "key", 16))
	if err != nil {
		f.t.Fatal(err)
	}
	if f.aead, err = cipher.NewGCM(block); err != nil {
		f.t.Fatal(err)
	}
	copy(f.nonce[:], expand(f.secret, "iv", 12))
	f.sequence = 0
}

// record is content as a record of that type, with so many bytes of padding.
func (f *forger) record(kind byte, content []byte, padding int) []byte {
	inner := append(append(bytes.Clone(content), kind), make([]byte, padding)...)
	header := []byte{recordData, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(header[3:], uint16(len(inner)+f.aead.Overhead()))
	nonce := f.nonce
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^f.sequence)
	f.sequence++
	return f.aead.Seal(header, nonce[:], inner, header)
}

// update is a record that asks for new keys. What follows has them.
func (f *forger) update() []byte {
	record := f.record(recordHandshake, keyUpdate, 0)
	f.secret = expand(f.secret, "traffic upd", sha256.Size)
	f.useKeys()
	return record
}
