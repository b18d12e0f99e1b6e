package testzone

import (
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"
)

// Labels are few, so that names meet; and they hold what tempts a server to
// get names wrong: bytes around the asterisk, the dot and the letters, zero
// bytes, escapes, a wildcard that is none because it stands inside.
var labels = []string{
	"a", "b", "c", "d", "aa", "ab", "a-b", "ns", "ns1", "www", "mail", "_dns", "_tcp", "xn--kpry57d", "0",
	"A", "B", "Ns1", "Www",
	`a\.b`, `\000`, `\001`, `\000a`, `a\000`, `\255`, `\@`, `\ `, `\\`, `\"`, `*a`, `a*`, "z", "{",
	strings.Repeat("l", 63), strings.Repeat("m", 40),
}

// someLabel returns one of the labels, most often a plain one.
func someLabel(r *rand.Rand) string {
	if r.IntN(3) > 0 {
		return labels[r.IntN(6)]
	}
	return labels[r.IntN(len(labels))]
}

// join puts a label, or several with dots, before a name.
func join(label, name string) string {
	if name == "." {
		return label + "."
	}
	return label + "." + name
}

// fits reports whether a name is at most 255 bytes long (RFC 1035 §3.1; the
// library lets a few more pass).
func fits(name string) bool {
	n, err := dns.PackDomainName(name, make([]byte, 512), 0, nil, false)
	return err == nil && n <= 255
}

// child returns a name below parent, or parent when there is no room.
func child(r *rand.Rand, parent string) string {
	name := join(someLabel(r), parent)
	if !fits(name) {
		return parent
	}
	return name
}

// parentOf is the name without its first label; the root's is the root.
func parentOf(name string) string {
	i, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[i:]
}

func canonical(name string) string { return strings.ToLower(name) }

func isWithin(name, ancestor string) bool {
	return ancestor == "." || dns.IsSubDomain(canonical(ancestor), canonical(name))
}

func isWildcard(name string) bool { return strings.HasPrefix(name, "*.") }

// randomCase changes the case of letters (0x20). Escapes are left alone: they
// have digits and no letters.
func randomCase(r *rand.Rand, name string) string {
	return strings.Map(func(c rune) rune {
		if r.IntN(2) == 0 && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return c ^ 0x20
		}
		return c
	}, name)
}
