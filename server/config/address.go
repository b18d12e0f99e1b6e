package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Ports of addresses that are written without one.
const (
	dnsPort   = 53  // RFC 1035 §4.2
	dotPort   = 853 // RFC 7858 §3.1; DoQ's, too (RFC 9250 §4.1.1)
	httpsPort = 443
	httpPort  = 80
)

// ParseAddress reads an address with or without a port, which is 53 then.
func ParseAddress(text string) (netip.AddrPort, error) { return parseAddress(text, dnsPort) }

func parseAddress(text string, port uint16) (netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		if ap.Port() == 0 {
			return netip.AddrPort{}, fmt.Errorf("%q: a port is a number from 1 to 65535", text)
		}
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a.Unmap(), port), nil
	}
	return netip.AddrPort{}, fmt.Errorf("expected %s, found %q%s", addressExpected, text, addressHint(text))
}

const addressExpected = `an IP address such as 192.0.2.53 or 192.0.2.53:53`

func addressHint(text string) string {
	host, port, ok := cutLast(text, ':')
	if !ok {
		return ""
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return fmt.Sprintf(": %q is not a port from 1 to 65535", port)
	}
	if strings.ContainsAny(host, "ghijklmnopqrstuvwxyz") {
		return ": names are not looked up"
	}
	return ""
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// addressList reads one address, or a sequence of them.
type addressList struct {
	to   *[]netip.AddrPort
	port uint16 // of those without
}

func addresses(to *[]netip.AddrPort, port uint16) value { return &addressList{to, port} }

func (l *addressList) expects() string { return "a list of IP addresses with or without a port" }

func (l *addressList) shown() string {
	if *l.to == nil {
		return ""
	}
	texts := make([]string, len(*l.to))
	for i, a := range *l.to {
		texts[i] = strconv.Quote(a.String())
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func (l *addressList) read(r *reader, key string, n *yaml.Node) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	} else if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.problem(n, key, "expected %s, found %s", l.expects(), found(n))
		return
	}
	out := make([]netip.AddrPort, 0, len(items))
	seen := map[netip.AddrPort]bool{}
	for _, item := range items {
		if a, err := parseAddress(deref(item).Value, l.port); err == nil && a.Addr().IsUnspecified() {
			seen[a] = false // a wildcard, wherever in the list it is
		}
	}
	for i, item := range items {
		at := key
		if n.Kind == yaml.SequenceNode {
			at = fmt.Sprintf("%s[%d]", key, i)
		}
		item = deref(item)
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			r.problem(item, at, "expected %s, found %s", addressExpected, found(item))
			continue
		}
		a, err := parseAddress(item.Value, l.port)
		switch {
		case err != nil:
			r.problem(item, at, "%v", err)
		case seen[a]:
			r.problem(item, at, "%s is there twice", a)
		case !a.Addr().IsUnspecified() && isIn(seen, wildcardOf(a)):
			r.problem(item, at, "%s is part of %s, which is in the list", a, wildcardOf(a))
		default:
			seen[a] = true
			out = append(out, a)
		}
	}
	// With none that could be read, "there is no address" would be one mistake
	// too many.
	if len(out) > 0 || len(items) == 0 {
		*l.to = out
	}
}

// wildcardOf returns the wildcard address that takes a's queries, too.
func wildcardOf(a netip.AddrPort) netip.AddrPort {
	if a.Addr().Is4() {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), a.Port())
}

func isIn(set map[netip.AddrPort]bool, a netip.AddrPort) bool {
	_, ok := set[a]
	return ok
}
