package master

import (
	"strings"
	"testing"
)

// nonsense returns texts made from the RDATA of a record by damage to it.
func nonsense(data string) (all []string) {
	words := strings.Fields(data)
	with := func(i int, word string) {
		changed := append(append([]string{}, words[:i]...), word)
		all = append(all, strings.Join(append(changed, words[i+1:]...), " "))
	}
	for i := range words {
		all = append(all, strings.Join(append(append([]string{}, words[:i]...), words[i+1:]...), " "))
		for _, word := range []string{"x", "-1", "+1", "1", "300", "65536", "4294967296", "1.5", "0x1", "A", "TYPE", "TYPE65536", "..", "a..b", "\"x\"", "\"", "(", ")",
			`\`, `\1`, `\256`, strings.Repeat("a", 64), strings.Repeat("abc.", 64), "192.0.2.1", "192.0.2", "192.0.2.01", "1.2.3.4.5", "::", ":::", "1::2::3", "12345::",
			"20260230000000", "00-00", "-", "=", "A===", "zz", "é", "\xff", "\x01", "a\"b\""} {
			with(i, word)
		}
		with(i, words[i]+"x")
		with(i, words[i]+" ")
		with(i, words[i][:len(words[i])-1])
	}
	return append(all, data+" x", data+" 1", data+` "x"`, data+" )", data+" (", data+"\x00")
}

// stricter are our errors for what miekg/dns accepts, each with its reason.
var stricter = map[string]string{
	"control character":          "outside quotes it is damage",
	"up to 255":                  `RFC 1035 §5.1: in \X the X is no digit, in \DDD the DDD is a byte`,
	"escapes nothing":            "RFC 1035 §5.1",
	"name longer than 255 bytes": "RFC 1035 §2.3.4; miekg/dns is one or two bytes generous",
	"not a valid U-label":        "miekg/dns takes any bytes",
	`has no "("`:                 "miekg/dns stops to look when it has the last field",
	"is never closed":            "likewise",
	"is not closed on its line":  "likewise, and it lets quoted strings go on anywhere",
	"a blank is missing":         "Knot DNS refuses it too",
	"a quote in the middle":      "Knot DNS refuses it too",
	"has at most 255":            "RFC 1035 §3.3; miekg/dns cuts it up",
	"is not a tag":               "RFC 8659 §4.1",
	"the record ends where":      "miekg/dns takes a missing last field for an empty one",
	"is too much":                "miekg/dns joins or forgets superfluous fields",
	"is not a record type":       "miekg/dns looks at the digits only, whatever stands before them",
	"in base32hex":               "RFC 5155 §3.3; miekg/dns takes leftover bits",
	"a SHA-1 hash has 20":        "RFC 5155 §11; miekg/dns writes 20 whatever there is",
	"; digest type":              "RFC 4509 §2.2, RFC 6605 §2",
	"is not four groups":         "RFC 6742 §2.1.2; miekg/dns looks at one colon of three",
	"figures with units":         "miekg/dns takes units without figures",
	"is not a HIT":               "miekg/dns gets the length wrong",
}

// looser are errors of miekg/dns for what we accept, each with its reason.
var looser = map[string]string{
	"out of order":   "RFC 4034 §4.2 demands no order in the text",
	"bad NAPTR":      "RFC 3403 §4.1: character-strings need no quotes",
	"bad CAA Value":  "RFC 8659 §4.1: the value has no limit of 255 bytes",
	"bad URI Target": "RFC 7553 §4.4: nor has the target",
}

func reasonIn(table map[string]string, err error) string {
	for message, why := range table {
		if strings.Contains(err.Error(), message) {
			return why
		}
	}
	return ""
}

// hasULabel tells whether a name in the text may have a U-label, which miekg/dns
// takes as bytes.
func hasULabel(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}

// Damaged records are refused by both, or there is a reason.
func TestRefusesSameNonsense(t *testing.T) {
	for typ, texts := range samples {
		for _, data := range texts {
			for _, bad := range nonsense(data) {
				text := "o 300 IN " + typ + " " + bad
				want, errTheirs := oneByMiekg(text)
				got, err := oneByUs(t, text)
				switch {
				case err == nil && errTheirs == nil:
					if string(got.RDATA) != string(want) && !hasULabel(bad) {
						t.Errorf("%q\nwe: %x\nmiekg/dns: %x", text, got.RDATA, want)
					}
				case err == nil && reasonIn(looser, errTheirs) == "":
					t.Errorf("%q\nmiekg/dns refuses it: %v", text, errTheirs)
				case errTheirs == nil && reasonIn(stricter, err) == "":
					t.Errorf("%q\nwe refuse it: %v\nmiekg/dns: %x", text, err, want)
				}
			}
		}
	}
}
