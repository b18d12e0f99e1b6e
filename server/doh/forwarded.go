package doh

import (
	"net/netip"
	"strings"

	"yushan/server/doh/exchange"
)

// proxies are those that may tell whom they ask for. The zero value trusts nobody.
type proxies []netip.Prefix

func (p proxies) trust(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// clientOf returns on whose behalf a request was made that peer has sent: peer
// itself, unless it is trusted and says otherwise in Forwarded (RFC 7239) or
// X-Forwarded-For.
//
// Each proxy adds the address of who asked it at the end, so that the last one that
// isn't a trusted proxy is the client; what stands before it, it has made up
// itself perhaps. A proxy usually writes one of the fields and passes the other
// on as the client sent it: where both are there and say different things, neither is
// believed.
func (p proxies) clientOf(peer netip.AddrPort, req *exchange.Request) netip.AddrPort {
	if len(req.Forwarded)+len(req.XForwardedFor) == 0 || !p.trust(peer.Addr()) {
		return peer
	}
	client := peer.Addr()
	switch {
	case len(req.XForwardedFor) == 0:
		client = p.last(client, forwardedFor(string(req.Forwarded)))
	case len(req.Forwarded) == 0:
		client = p.last(client, strings.Split(string(req.XForwardedFor), ","))
	default:
		one := p.last(client, forwardedFor(string(req.Forwarded)))
		other := p.last(client, strings.Split(string(req.XForwardedFor), ","))
		if one != other {
			return peer
		}
		client = one
	}
	if client == peer.Addr() {
		return peer
	}
	return netip.AddrPortFrom(client, 0)
}

// last walks from peer back along the hops, as long as they are trusted. A hop that
// is no address ends the way at the one that told it.
func (p proxies) last(peer netip.Addr, hops []string) netip.Addr {
	at := peer
	for i := len(hops) - 1; i >= 0 && p.trust(at); i-- {
		addr, ok := parseHop(strings.Trim(hops[i], " \t"))
		if !ok {
			break
		}
		at = addr
	}
	return at
}

// parseHop reads a node as RFC 7239 §6 writes it, quoted or not, and as
// X-Forwarded-For has it: an address, in brackets perhaps, with a port perhaps.
func parseHop(text string) (netip.Addr, bool) {
	if inner, ok := strings.CutPrefix(text, `"`); ok {
		if text, ok = strings.CutSuffix(inner, `"`); !ok {
			return netip.Addr{}, false
		}
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().WithZone(""), true
	}
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone(""), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			addr, err := netip.ParseAddr(inner)
			return addr.Unmap().WithZone(""), err == nil && addr.Is6()
		}
	}
	return netip.Addr{}, false
}

// forwardedFor returns the values of "for" in a Forwarded field, one for each
// element; "" where an element has none, or more than one.
func forwardedFor(field string) (hops []string) {
	for _, element := range splitOutsideQuotes(field, ',') {
		hop, found := "", 0
		for _, pair := range splitOutsideQuotes(element, ';') {
			name, value, _ := strings.Cut(pair, "=")
			if strings.EqualFold(strings.Trim(name, " \t"), "for") {
				hop = strings.Trim(value, " \t")
				found++
			}
		}
		if found != 1 {
			hop = ""
		}
		hops = append(hops, hop)
	}
	return hops
}

// splitOutsideQuotes splits at a character that isn't in a quoted string (RFC
// 9110 §5.6.4).
func splitOutsideQuotes(text string, at byte) (parts []string) {
	quoted, start := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == at && !quoted:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}
