package fakedns

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/miekg/dns"
)

// headerBytes is the length of a message's header (RFC 1035 §4.1.1).
const headerBytes = 12

// Answer makes the shortest answer to a query: its ID, opcode, RD and question, QR and AA
// set. FORMERR, without a question, if it has none that can be read.
func Answer(query []byte, rcode int) []byte {
	if len(query) < headerBytes {
		return append(append([]byte{}, query...), make([]byte, headerBytes-len(query))...)
	}
	end := questionEnd(query)
	if end == 0 {
		end, rcode = headerBytes, dns.RcodeFormatError
	}
	m := append([]byte{}, query[:end]...)
	m[2] = m[2]&0x79 | 0x84
	m[3] = byte(rcode & 15)
	clear(m[4:headerBytes])
	if end > headerBytes {
		m[5] = 1
	}
	return m
}

// questionEnd is where the one question of a message ends; 0 if it isn't one.
func questionEnd(m []byte) int {
	if binary.BigEndian.Uint16(m[4:]) != 1 {
		return 0
	}
	_, end, err := dns.UnpackDomainName(m, headerBytes)
	if err != nil || end+4 > len(m) {
		return 0
	}
	return end + 4
}

func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

// Cookies is a script that makes DNS cookies (RFC 7873) of 8 bytes: a query with a cookie gets one, and
// with a wrong one BADCOOKIE (§5.2.4).
func Cookies(secret string) Script {
	return Made(func(query, answer *dns.Msg) {
		opt := query.IsEdns0()
		if opt == nil {
			return
		}
		answer.SetEdns0(1232, opt.Do())
		for _, o := range opt.Option {
			cookie, ok := o.(*dns.EDNS0_COOKIE)
			if !ok || len(cookie.Cookie) < 16 {
				continue
			}
			full := cookie.Cookie[:16] + ServerCookie(secret, cookie.Cookie[:16])
			if len(cookie.Cookie) > 16 && cookie.Cookie != full {
				answer.Rcode = dns.RcodeBadCookie
			}
			answer.IsEdns0().Option = append(answer.IsEdns0().Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: full})
		}
	})
}

// ServerCookie is the server's part, in hex, that [Cookies] makes for the client's.
func ServerCookie(secret, client string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(client))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}
