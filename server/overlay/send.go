package overlay

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// RefusedError is the answer of a sibling that does not carry out an update.
type RefusedError struct {
	Sibling netip.AddrPort
	Rcode   int    // of the response
	TSIG    uint16 // error of its TSIG record: 0, BADSIG, BADKEY or BADTIME (RFC 8945 §3)
	Reason  string // what to look after
}

// Error names the sibling, and says what is likely to be wrong.
func (e *RefusedError) Error() string {
	text := dns.RcodeToString[e.Rcode]
	if text == "" {
		text = fmt.Sprintf("RCODE %d", e.Rcode)
	}
	if e.TSIG != 0 {
		text += " " + tsigErrors[e.TSIG]
	}
	return fmt.Sprintf("sibling %s does not take the challenge: %s: %s", e.Sibling, text, e.Reason)
}

// Temporary reports whether the same update may well be taken a moment later.
func (e *RefusedError) Temporary() bool { return e.Rcode == dns.RcodeServerFailure }

var tsigErrors = map[uint16]string{
	dns.RcodeBadSig:   "BADSIG",
	dns.RcodeBadKey:   "BADKEY",
	dns.RcodeBadTime:  "BADTIME",
	dns.RcodeBadTrunc: "BADTRUNC",
}

// update is one change to one zone of a sibling.
type update struct {
	apex, owner []byte
	action      action // add or remove
	value       string
	key         Key
}

// message returns the update in wire format, signed, and its MAC.
func (u update) message(id uint16) (wire []byte, mac string, err error) {
	rr := &dns.TXT{
		Hdr: dns.RR_Header{Name: dname.String(u.owner), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: TTLSeconds},
		Txt: []string{escape(u.value)},
	}
	m := new(dns.Msg).SetUpdate(dname.String(u.apex))
	m.Id = id
	if u.action == add {
		m.Insert([]dns.RR{rr})
	} else {
		m.Remove([]dns.RR{rr})
	}
	m.SetTsig(u.key.Name, u.key.Algorithm, fudgeSeconds, time.Now().Unix())
	return dns.TsigGenerate(m, u.key.Secret, "", false)
}

// escape returns a string of a TXT record as the library wants it.
func escape(value string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\%03d`, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// send makes one try by TCP, which takes no longer than limit. An answer that is
// not a signed NOERROR is a [RefusedError].
func (u update) send(ctx context.Context, sibling netip.AddrPort, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	id := dns.Id()
	wire, mac, err := u.message(id)
	if err != nil {
		return fmt.Errorf("sign an update for sibling %s: %w", sibling, err)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", sibling.String())
	if err != nil {
		return fmt.Errorf("sibling %s: %w", sibling, err)
	}
	defer conn.Close()
	// Cancelling must end what is being waited for, too.
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	if _, err := conn.Write(framed); err != nil {
		return fmt.Errorf("sibling %s: %w", sibling, err)
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return fmt.Errorf("sibling %s: no response: %w", sibling, err)
	}
	response := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, response); err != nil {
		return fmt.Errorf("sibling %s: response cut off: %w", sibling, err)
	}
	return u.judge(sibling, id, response, mac)
}

// judge returns nil if response confirms the update.
func (u update) judge(sibling netip.AddrPort, id uint16, response []byte, mac string) error {
	refused := &RefusedError{Sibling: sibling, Rcode: dns.RcodeServerFailure}
	m := new(dns.Msg)
	if err := m.Unpack(response); err != nil || m.Id != id || !m.Response || m.Opcode != dns.OpcodeUpdate {
		refused.Rcode = dns.RcodeFormatError
		refused.Reason = "what it sends is no response to the update"
		return refused
	}
	refused.Rcode = m.Rcode
	if m.Rcode == dns.RcodeSuccess {
		err := errors.New("no TSIG record")
		if m.IsTsig() != nil {
			err = dns.TsigVerify(response, u.key.Secret, mac, false)
		}
		if err == nil {
			return nil
		}
		refused.Reason = fmt.Sprintf("its confirmation is not signed by the key %q: %v", u.key.Name, err)
		return refused
	}
	if t := m.IsTsig(); t != nil {
		refused.TSIG = t.Error
	}
	switch {
	case refused.TSIG == dns.RcodeBadKey:
		refused.Reason = fmt.Sprintf("it has no key %q with algorithm %s", u.key.Name, strings.TrimSuffix(u.key.Algorithm, "."))
	case refused.TSIG == dns.RcodeBadSig:
		refused.Reason = fmt.Sprintf("it has another secret for the key %q", u.key.Name)
	case refused.TSIG == dns.RcodeBadTime:
		refused.Reason = "its clock differs from ours" + clockDifference(m.IsTsig())
	case m.Rcode == dns.RcodeNotImplemented || m.Rcode == dns.RcodeNotAuth:
		refused.Reason = fmt.Sprintf("it holds no challenges below %s", dname.Display(u.apex))
	case m.Rcode == dns.RcodeRefused:
		refused.Reason = "it takes no such update, or has too many challenge records"
	default:
		refused.Reason = "no reason is known"
	}
	return refused
}

// clockDifference tells how far the clock of who sent t, with BADTIME, is ahead.
func clockDifference(t *dns.TSIG) string {
	b, err := hex.DecodeString(t.OtherData)
	if err != nil || len(b) != 6 {
		return ""
	}
	theirs := time.Unix(int64(binary.BigEndian.Uint64(append([]byte{0, 0}, b...))), 0)
	return fmt.Sprintf(" by %s", theirs.Sub(time.Unix(int64(t.TimeSigned), 0)).Abs())
}
