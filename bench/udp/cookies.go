package udp

import "yushan/bench/query"

// maxJar bounds how many sources' cookies are remembered. Later ones go on as clients
// that the server has never seen.
const maxJar = 1 << 16

// badCookie is what the header shows of BADCOOKIE (RFC 7873 §8: RCODE 23).
const badCookie = 23 & 15

// learn returns the cookie to be sent after an answer: that of the answer if the
// client has none yet, or is told that its own is no longer good.
func learn(cookie, answer []byte) []byte {
	if len(cookie) > 0 && answer[3]&15 != badCookie {
		return cookie
	}
	if fresh := query.ServerCookie(answer); fresh != nil {
		return append(cookie[:0], fresh...)
	}
	return cookie
}

// jar keeps the cookies of clients that are told apart by their address.
type jar map[[16]byte][]byte

func (j jar) learn(address [16]byte, answer []byte) {
	cookie, known := j[address]
	cookie = learn(cookie, answer)
	if cookie != nil && (known || len(j) < maxJar) {
		j[address] = cookie
	}
}
