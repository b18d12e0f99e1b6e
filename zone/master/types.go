package master

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// typeDSYNC is the type of RFC 9859 §2.1, which miekg/dns doesn't know.
const typeDSYNC = 66

// packed is a word of up to 8 bytes in capitals, first byte highest. Words of
// one length are equal if and only if they pack to the same number.
type packed uint64

func pack(word string) (k packed) {
	for i := range len(word) {
		k = k<<8 | packed(upper[word[i]])
	}
	return k
}

// upper maps small ASCII letters to capitals.
var upper = func() (t [256]uint8) {
	for i := range t {
		t[i] = uint8(i)
		if 'a' <= i && i <= 'z' {
			t[i] -= 'a' - 'A'
		}
	}
	return t
}()

// typeNumbers holds the mnemonics of types; shortTypes those of up to 8 bytes,
// which can be looked up without making a string.
var typeNumbers, shortTypes = func() (map[string]uint16, map[packed]uint16) {
	all, short := map[string]uint16{"DSYNC": typeDSYNC}, map[packed]uint16{}
	for name, number := range dns.StringToType {
		if number != dns.TypeNone && number != dns.TypeReserved {
			all[name] = number
		}
	}
	for name, number := range all {
		if len(name) <= 8 {
			short[pack(name)] = number
		}
	}
	return all, short
}()

// typeName returns the mnemonic of a type, or TYPEnnn (RFC 3597 §5).
func typeName(t uint16) string {
	if t == typeDSYNC {
		return "DSYNC"
	}
	return dns.Type(t).String()
}

// isMeta tells whether records of a type never stand in a zone (RFC 6895 §3.1).
func isMeta(t uint16) bool {
	return t == 0 || t == dns.TypeOPT || 128 <= t && t <= 255
}

// lookupType returns the type that a word names.
func lookupType(word []byte) (uint16, bool) {
	var capitals [16]byte
	if len(word) > len(capitals) {
		return 0, false
	}
	var k packed
	for i, c := range word {
		capitals[i] = upper[c]
		k = k<<8 | packed(upper[c])
	}
	if len(word) <= 8 {
		if t, ok := shortTypes[k]; ok {
			return t, true
		}
	} else if t, ok := typeNumbers[string(capitals[:len(word)])]; ok {
		return t, true
	}
	return numbered(word, "TYPE")
}

// numbered reads TYPEnnn and CLASSnnn (RFC 3597 §5).
func numbered(word []byte, prefix string) (uint16, bool) {
	if len(word) <= len(prefix) || !strings.EqualFold(string(word[:len(prefix)]), prefix) {
		return 0, false
	}
	number := string(word[len(prefix):])
	if number[0] == '+' || number[0] == '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(number, 10, 16)
	return uint16(n), err == nil
}

// recordType reads the name of a record type.
func (p *parser) recordType(expected string) (uint16, bool) {
	t, ok := p.word(expected)
	if !ok {
		return 0, false
	}
	word := p.text[t.start:t.end]
	number, ok := lookupType(word)
	if !ok {
		return 0, p.notA(t.start, t.end, expected+didYouMean(word))
	}
	return number, true
}

// didYouMean suggests the type whose name is nearest to word.
func didYouMean(word []byte) string {
	w := string(bytes.ToUpper(word))
	best, nearest := min(2, len(w)/2)+1, ""
	for name, number := range typeNumbers {
		if isMeta(number) {
			continue
		}
		if d := distance(w, name); d < best || d == best && nearest != "" && likelier(name, nearest) {
			best, nearest = d, name
		}
	}
	if nearest == "" {
		return ""
	}
	return "; did you mean " + nearest + "?"
}

// likelier prefers the type that was defined earlier, so that the answer
// doesn't depend on the order of a map.
func likelier(a, b string) bool { return typeNumbers[a] < typeNumbers[b] }

// distance is the number of letters to add, remove, change or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
