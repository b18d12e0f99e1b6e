package ticket

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// Options are what keys are made from.
type Options struct {
	// Secret is what nodes share: at least 32 random bytes. nil: random, for this
	// process alone.
	Secret []byte
	// Rotation is the length of a period: 12 hours, if 0; at least a second. A ticket is good for two to
	// three of them. TLS ends sessions after a week anyway (RFC 8446 §4.6.1).
	Rotation time.Duration
	// Now is the clock; nil: time.Now. Nodes may differ by up to a period.
	Now func() time.Time
}

const (
	// MinSecretBytes is the least length of a secret.
	MinSecretBytes = 32

	defaultRotation = 12 * time.Hour
	minRotation     = time.Second
)

// Keys seals and opens tickets. Any goroutine may use it.
type Keys struct {
	path     string // of the secret; "" for keys without a file
	rotation time.Duration
	now      func() time.Time

	mu      sync.Mutex // held to write what follows
	root    []byte
	retired []byte // the root before the last Reload; nil: none
	dropped int64  // the period from which on retired is not needed
	live    atomic.Pointer[ring]
}

// ring is the keys of one period.
type ring struct {
	period int64
	seal   *key
	open   []*key
}

// key is the key of one period. It is constant.
type key struct {
	name [nameBytes]byte
	aead cipher.AEAD
}

const nameBytes = 8

// New returns keys derived from options.Secret. It panics if that is shorter than
// 32 bytes, which [FromFile] reports as an error.
func New(options Options) *Keys {
	secret := options.Secret
	switch {
	case secret == nil:
		secret = make([]byte, MinSecretBytes)
		rand.Read(secret) // never fails
	case len(secret) < MinSecretBytes:
		panic(fmt.Sprintf("ticket: a secret of %d bytes: expected at least %d", len(secret), MinSecretBytes))
	}
	k := &Keys{rotation: options.Rotation, now: options.Now, root: rootOf(secret)}
	if k.rotation == 0 {
		k.rotation = defaultRotation
	}
	k.rotation = max(k.rotation, minRotation)
	if k.now == nil {
		k.now = time.Now
	}
	return k
}

// Configure makes c, and what is cloned from it, use the keys: quic-go and net/http
// clone, which a key set by SetSessionTicketKeys would survive and its rotation not.
func (k *Keys) Configure(c *tls.Config) {
	c.WrapSession = k.wrap
	c.UnwrapSession = k.unwrap
}

// QUICTokenKey is the key of the tokens by which a QUIC server knows an address
// again (RFC 9000 §8.1). It doesn't rotate, since a QUIC transport takes it once: only
// another secret changes it.
func (k *Keys) QUICTokenKey() [32]byte { return k.constant("quic token") }

// QUICResetKey is the key of stateless reset tokens (RFC 9000 §10.3), constant
// like [Keys.QUICTokenKey].
func (k *Keys) QUICResetKey() [32]byte { return k.constant("quic stateless reset") }

func (k *Keys) constant(use string) (out [32]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	copy(out[:], expand(k.root, use, len(out)))
	return out
}

// wrap is for tls.Config.WrapSession.
func (k *Keys) wrap(_ tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
	plain, err := session.Bytes()
	if err != nil {
		return nil, err
	}
	return k.ring().seal.append(plain), nil
}

// unwrap is for tls.Config.UnwrapSession. A ticket that can't be opened is no error:
// a full handshake follows.
func (k *Keys) unwrap(ticket []byte, _ tls.ConnectionState) (*tls.SessionState, error) {
	plain, ok := k.ring().decrypt(ticket)
	if !ok {
		return nil, nil
	}
	session, err := tls.ParseSessionState(plain)
	if err != nil { // made by another version of crypto/tls
		return nil, nil
	}
	return session, nil
}

// append encrypts plain.
func (k *key) append(plain []byte) []byte {
	ticket := make([]byte, nameBytes+chacha20poly1305.NonceSizeX, nameBytes+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	copy(ticket, k.name[:])
	nonce := ticket[nameBytes:]
	rand.Read(nonce) // never fails
	return k.aead.Seal(ticket, nonce, plain, k.name[:])
}

// decrypt opens a ticket with the key that it names.
func (r *ring) decrypt(ticket []byte) (plain []byte, ok bool) {
	if len(ticket) < nameBytes+chacha20poly1305.NonceSizeX {
		return nil, false
	}
	name, nonce, sealed := ticket[:nameBytes], ticket[nameBytes:nameBytes+chacha20poly1305.NonceSizeX], ticket[nameBytes+chacha20poly1305.NonceSizeX:]
	for _, k := range r.open {
		if string(name) == string(k.name[:]) {
			plain, err := k.aead.Open(nil, nonce, sealed, name)
			return plain, err == nil
		}
	}
	return nil, false
}

// ring returns the keys of the present.
func (k *Keys) ring() *ring {
	period := k.period()
	if r := k.live.Load(); r != nil && r.period == period {
		return r
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.live.Load(); r != nil && r.period == period {
		return r
	}
	r := k.derive(period)
	k.live.Store(r)
	return r
}

// period is the number of the present period, since 1970.
func (k *Keys) period() int64 {
	return k.now().UnixNano() / int64(k.rotation)
}

// derive makes the keys of a period; k.mu is held.
func (k *Keys) derive(period int64) *ring {
	if period >= k.dropped {
		k.retired = nil
	}
	r := &ring{period: period, seal: newKey(k.root, period)}
	r.open = []*key{r.seal, newKey(k.root, period-1), newKey(k.root, period-2), newKey(k.root, period+1)}
	if k.retired != nil {
		for p := period - 2; p <= period+1; p++ {
			r.open = append(r.open, newKey(k.retired, p))
		}
	}
	return r
}

func newKey(root []byte, period int64) *key {
	of := string(binary.BigEndian.AppendUint64(nil, uint64(period)))
	k := &key{name: [nameBytes]byte(expand(root, "ticket key name "+of, nameBytes))}
	aead, err := chacha20poly1305.NewX(expand(root, "ticket key "+of, chacha20poly1305.KeySize))
	if err != nil {
		panic(err) // only for another length of key
	}
	k.aead = aead
	return k
}

// rootOf is HKDF's first step (RFC 5869 §2.2), done once for a secret.
func rootOf(secret []byte) []byte {
	root, err := hkdf.Extract(sha256.New, secret, []byte("yushan"))
	if err != nil {
		panic(err) // only in FIPS mode, for a secret that is too short
	}
	return root
}

// expand is HKDF's second step (RFC 5869 §2.3).
func expand(root []byte, use string, length int) []byte {
	out, err := hkdf.Expand(sha256.New, root, use, length)
	if err != nil {
		panic(err) // only for more than 255 hashes
	}
	return out
}
