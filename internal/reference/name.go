package reference

import (
	"bytes"
	"strings"

	"github.com/miekg/dns"
)

// name is a domain name in wire format and in lower case, so that equal names
// are equal strings and can be keys of maps.
type name string

const root name = "\x00"

// parseName makes a name of presentation form. Zones come from tests, so that
// a name that is none is a mistake of the programmer.
func parseName(text string) name {
	buf := make([]byte, 256)
	n, err := dns.PackDomainName(dns.Fqdn(text), buf, 0, nil, false)
	if err != nil {
		panic("reference: " + text + ": " + err.Error())
	}
	return lower(buf[:n])
}

// lower makes a name of valid wire format: A to Z are folded, and no other
// byte (RFC 4343 §3). Length bytes are below 'A', so they survive.
func lower(wire []byte) name {
	folded := bytes.Clone(wire)
	for i, c := range folded {
		if 'A' <= c && c <= 'Z' {
			folded[i] = c + 'a' - 'A'
		}
	}
	return name(folded)
}

func (n name) String() string { return presentation([]byte(n)) }

// presentation is the text of a name in wire format, case kept.
func presentation(wire []byte) string {
	text, _, err := dns.UnpackDomainName(wire, 0)
	if err != nil {
		panic("reference: invalid name: " + err.Error())
	}
	return text
}

// labels are the labels of n from the left, without the root label.
func (n name) labels() []string {
	var labels []string
	for n != root {
		labels = append(labels, string(n[1:1+n[0]]))
		n = n.parent()
	}
	return labels
}

// parent is n without its leftmost label. The root has none.
func (n name) parent() name { return n[1+n[0]:] }

// isWithin reports whether n is ancestor itself or a name below it.
func (n name) isWithin(ancestor name) bool {
	for {
		if n == ancestor {
			return true
		}
		if n == root {
			return false
		}
		n = n.parent()
	}
}

// wildcard is the asterisk label below n (RFC 4592 §2.1.1).
func (n name) wildcard() name { return "\x01*" + n }

// pathFrom lists the names from ancestor down to n, both included.
func (n name) pathFrom(ancestor name) []name {
	if n == ancestor {
		return []name{n}
	}
	return append(n.parent().pathFrom(ancestor), n)
}

// nextCloser is the ancestor-or-self of n that is one label longer than the
// encloser (RFC 5155 §1.3).
func (n name) nextCloser(encloser name) name {
	for n.parent() != encloser {
		n = n.parent()
	}
	return n
}

// compare is the canonical order of names (RFC 4034 §6.1): labels from the
// right, as lower-case byte strings, a missing label first.
func (n name) compare(other name) int {
	a, b := n.labels(), other.labels()
	for i, j := len(a)-1, len(b)-1; i >= 0 && j >= 0; i, j = i-1, j-1 {
		if c := strings.Compare(a[i], b[j]); c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}
