package transfer

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/miekg/dns"
)

// fudge is how many seconds clocks may differ (RFC 8945 §10).
const fudge = 300

// mostUnsigned is how many messages may come without a signature before one that has
// one (RFC 8945 §5.3.1).
const mostUnsigned = 99

// sign packs a query with a TSIG record, and returns its MAC.
func (k *Key) sign(query *dns.Msg) (wire, mac []byte, err error) {
	query.SetTsig(k.name, k.algorithm, fudge, time.Now().Unix())
	wire, text, err := dns.TsigGenerate(query, base64.StdEncoding.EncodeToString(k.secret), "", false)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the query: %w", err)
	}
	mac, err = hex.DecodeString(text)
	return wire, mac, err
}

// verifier checks the signatures of a stream of messages.
type verifier struct {
	key      *Key
	now      func() time.Time
	mac      hash.Hash // over what came since the last signature
	unsigned int       // messages of these
	signed   bool      // some message was
	names    []byte    // name and algorithm in wire format, as they are signed
}

func newVerifier(k *Key, queryMAC []byte) (*verifier, error) {
	v := &verifier{key: k, now: time.Now}
	var name, algorithm [255]byte
	n, err := dns.PackDomainName(k.name, name[:], 0, nil, false)
	if err != nil {
		return nil, err
	}
	m, err := dns.PackDomainName(k.algorithm, algorithm[:], 0, nil, false)
	if err != nil {
		return nil, err
	}
	// RFC 8945 §4.3.3: NAME, CLASS ANY, TTL 0, algorithm name.
	v.names = append(append(v.names, name[:n]...), 0, dns.ClassANY, 0, 0, 0, 0)
	v.names = append(v.names, algorithm[:m]...)
	v.begin(queryMAC)
	return v, nil
}

// begin starts to sign anew, with the MAC before.
func (v *verifier) begin(before []byte) {
	v.mac = hmac.New(algorithms[v.key.algorithm], v.key.secret)
	v.mac.Write(binary.BigEndian.AppendUint16(nil, uint16(len(before))))
	v.mac.Write(before)
	v.unsigned = 0
}

// tsig is the data of a TSIG record (RFC 8945 §4.2).
type tsig struct {
	algorithm string
	times     []byte // time signed and fudge
	signed    time.Time
	fudge     time.Duration
	mac       []byte
	id        uint16
	err       uint16
	other     []byte // with its length
}

// readTSIG reads the record that parse has found.
func readTSIG(b []byte, m message) (t tsig, name string, err error) {
	bad := errors.New("a message has a TSIG record that is not understood")
	if name, _, err = dns.UnpackDomainName(b, m.tsig); err != nil {
		return t, "", bad
	}
	var at int
	if t.algorithm, at, err = dns.UnpackDomainName(b, m.tsigData); err != nil || len(b) < at+10 {
		return t, "", bad
	}
	t.times = b[at : at+8]
	t.signed = time.Unix(int64(binary.BigEndian.Uint64(b[at-2:])&(1<<48-1)), 0)
	t.fudge = time.Duration(binary.BigEndian.Uint16(b[at+6:])) * time.Second
	at += 8
	size := int(binary.BigEndian.Uint16(b[at:]))
	at += 2
	if len(b) < at+size+6 {
		return t, "", bad
	}
	t.mac = b[at : at+size]
	at += size
	t.id, t.err = binary.BigEndian.Uint16(b[at:]), binary.BigEndian.Uint16(b[at+2:])
	t.other = b[at+4:]
	if int(binary.BigEndian.Uint16(t.other)) != len(t.other)-2 {
		return t, "", bad
	}
	return t, name, nil
}

// check takes the next message of the stream.
func (v *verifier) check(b []byte, m message) error {
	if m.tsig == 0 {
		if !v.signed {
			return fmt.Errorf("the server doesn't sign its answer by the TSIG key %s", v.key)
		}
		if v.unsigned++; v.unsigned > mostUnsigned {
			return fmt.Errorf("%d messages came without a TSIG signature (RFC 8945 §5.3.1)", v.unsigned)
		}
		v.mac.Write(b)
		return nil
	}
	t, name, err := readTSIG(b, m)
	if err != nil {
		return err
	}
	if dns.CanonicalName(name) != v.key.name || dns.CanonicalName(t.algorithm) != v.key.algorithm {
		return fmt.Errorf("the server signs by the TSIG key %s (%s), expected %s", name, t.algorithm, v.key)
	}
	if t.err != 0 {
		return refusedKey(v.key, t)
	}
	// What is signed has the ID of the query and lacks the record (RFC 8945 §4.3.2).
	var header [headerBytes]byte
	copy(header[:], b)
	binary.BigEndian.PutUint16(header[:], t.id)
	binary.BigEndian.PutUint16(header[10:], binary.BigEndian.Uint16(b[10:])-1)
	v.mac.Write(header[:])
	v.mac.Write(b[headerBytes:m.tsig])
	if !v.signed {
		v.mac.Write(v.names)
	}
	v.mac.Write(t.times)
	if !v.signed {
		v.mac.Write([]byte{0, 0}) // no error
		v.mac.Write(t.other)
	}
	if !hmac.Equal(v.mac.Sum(nil), t.mac) {
		return fmt.Errorf("a message has a wrong signature of the TSIG key %s", v.key)
	}
	if off := v.now().Sub(t.signed).Abs(); off > t.fudge+time.Second {
		return fmt.Errorf("a message was signed at %s: the clocks of server and client differ", t.signed.UTC().Format(time.DateTime))
	}
	v.signed = true
	v.begin(t.mac)
	return nil
}

// end checks that what came last was signed.
func (v *verifier) end() error {
	if v.unsigned > 0 {
		return fmt.Errorf("the last %d messages came without a TSIG signature", v.unsigned)
	}
	return nil
}

// refusedKey says in words what a TSIG error means (RFC 8945 §5.2).
func refusedKey(k *Key, t tsig) error {
	switch t.err {
	case dns.RcodeBadSig:
		return fmt.Errorf("the server refuses the TSIG key %s: BADSIG, it has another secret", k)
	case dns.RcodeBadKey:
		return fmt.Errorf("the server refuses the TSIG key %s: BADKEY, it knows none of this name and algorithm", k)
	case dns.RcodeBadTime:
		return fmt.Errorf("the server refuses the TSIG key %s: BADTIME, its clock differs by more than %d s", k, fudge)
	case dns.RcodeBadTrunc:
		return fmt.Errorf("the server refuses the TSIG key %s: BADTRUNC", k)
	}
	return fmt.Errorf("the server refuses the TSIG key %s: error %d", k, t.err)
}
