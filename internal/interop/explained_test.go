package interop

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

var (
	every       = peer.Kinds
	knot        = []peer.Kind{peer.Knot}
	nsd         = []peer.Kind{peer.NSD}
	bind        = []peer.Kind{peer.BIND}
	knotAndNSD  = []peer.Kind{peer.Knot, peer.NSD}
	knotAndBIND = []peer.Kind{peer.Knot, peer.BIND}
	nsdAndBIND  = []peer.Kind{peer.NSD, peer.BIND}
)

// rules are the reviewed differences, of packets first, then of answers.
var rules = slices.Concat(packetRules, answerRules)

// packetRules are about messages that are more or less than one question.
var packetRules = []rule{
	{id: "no answer to a broken question", peers: knotAndNSD,
		why:   `the peer drops what yushan answers with FORMERR, as RFC 1035 §4.1.1 has it; the query's ID can be read`,
		apply: packet([]string{"a header that promises", "half a question", "a label type", "a compression pointer", "a name of 256", "two questions", "an answer record announced", "an authority record announced", "an additional record announced", "no question, but"}, dropped)},
	{id: "errors dropped under load", peers: nsd, sometimes: true,
		why:   `nsd limits the errors that it sends in a second (ERROR_RATE_LIMIT in its source)`,
		apply: packet([]string{""}, dropped)},
	{id: "class not served", peers: bind,
		why:   `named drops queries for a CH name or a class that none of its views matches; yushan refuses (RFC 1035 §4.1.1)`,
		apply: packet([]string{"nothing. CH", "class CH"}, dropped)},
	{id: "question beside an error", peers: every,
		why: `whether an error echoes the question isn't ruled; yushan sends the bare header for opcodes that it doesn't know and for questions that it can't read, and echoes a question that it could read`,
		apply: func(c *comparison) {
			if c.name == "" && c.ours.rcode != dns.RcodeSuccess && c.theirs.rcode != dns.RcodeSuccess && len(c.theirs.answer) == 0 {
				c.theirs.questions = c.ours.questions
			}
		}},
	{id: "no OPT beside FORMERR", peers: every,
		why: `RFC 6891 §6.1.1: a response to a query with an OPT record has one too, even if that OPT was broken`,
		apply: func(c *comparison) {
			if c.name == "" && c.theirs.rcode == dns.RcodeFormatError && c.ours.edns && !c.theirs.edns {
				c.theirs.edns, c.theirs.do = true, c.ours.do
			}
		}},
	{id: "opcodes NOTIFY and UPDATE", peers: every,
		why:   `the peer implements RFC 1996 and RFC 2136; yushan doesn't yet, and says NOTIMP (RFC 1035 §4.1.1)`,
		apply: packet([]string{"opcode 4", "opcode 5"}, rcodeOnly(dns.RcodeNotAuth, dns.RcodeFormatError, dns.RcodeNameError, dns.RcodeRefused))},
	{id: "transfers", peers: every,
		why:   `the peer is asked without the right to transfer, and says so in its own way; yushan says REFUSED, whose example in RFC 1035 §4.1.1 is a zone transfer`,
		apply: packet([]string{"type 251", "type 252", "IXFR"}, rcodeOnly(dns.RcodeNotAuth, dns.RcodeNotImplemented, dns.RcodeFormatError, dns.RcodeRefused))},
	{id: "types that are not data", peers: knotAndBIND,
		why:   `RFC 6895 §3.1 keeps types 0 and 128 to 255 apart, but gives no rcode; to yushan a type that isn't there is NODATA`,
		apply: packet([]string{"type 0", "type 2", "type 41", "type 128"}, rcodeOnly(dns.RcodeNotImplemented, dns.RcodeFormatError, dns.RcodeRefused))},
	{id: "NXNAME asked for", peers: knotAndNSD,
		why:   `RFC 9824 §3.5: no record has type 128, and a query for it gets FORMERR; to the peer it is NODATA as yet`,
		apply: packet([]string{"type 128"}, rcodeOnly(dns.RcodeSuccess))},
	{id: "records in a query", peers: knotAndBIND,
		why:   `no query has answer or authority records but IXFR (RFC 1995 §3); yushan takes others for an error, which leaves nothing to amplify or to smuggle`,
		apply: packet([]string{"an answer record", "an authority record"}, rightAnswer)},
	{id: "bytes behind the message", peers: nsdAndBIND,
		why:   `the counts of RFC 1035 §4.1.1 don't account for them: a malformed message`,
		apply: packet([]string{"bytes behind", "no question, but"}, rightAnswer)},
	{id: "additional record in a query", peers: nsd,
		why:   `nsd takes one that is neither OPT nor TSIG for an error; RFC 1035 §4.1 doesn't, and yushan skips it`,
		apply: packet([]string{"an additional record"}, rcodeOnly(dns.RcodeFormatError))},
	{id: "owner of OPT", peers: knot,
		why:   `RFC 6891 §6.1.2: it must be the root`,
		apply: packet([]string{"an OPT record of a."}, rightAnswer)},
	{id: "rcode in a query", peers: nsd,
		why:   `RFC 1035 §4.1.1 sets it in responses; a query's isn't looked at`,
		apply: packet([]string{"an rcode in the query"}, rcodeOnly(dns.RcodeFormatError))},
	{id: "DO in BADVERS", peers: nsd,
		why: `RFC 3225 §3: the DO bit is copied`,
		apply: func(c *comparison) {
			if strings.HasPrefix(c.what, "EDNS version") && c.theirs.rcode == dns.RcodeBadVers {
				c.theirs.do = c.ours.do
			}
		}},
	{id: "class ANY is answered", peers: knotAndNSD,
		why:   `RFC 1035 §3.2.5 allows QCLASS *, RFC 1034 §4.3.2 ends such answers without AA; yushan serves class IN and says REFUSED for others`,
		apply: packet([]string{"class ANY"}, func(a *answer) bool { return a.rcode == dns.RcodeSuccess && len(a.answer) > 0 })},
	{id: "other classes", peers: bind,
		why:   `yushan has no zone of such a class: REFUSED (RFC 1035 §4.1.1)`,
		apply: packet([]string{"class "}, rcodeOnly(dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeNameError, dns.RcodeRefused, dns.RcodeNotAuth))},
	{id: "CHAOS", peers: bind,
		why: `identity and version are off everywhere; yushan says REFUSED, which is for policy (RFC 1035 §4.1.1), where named has empty zones`,
		apply: packet([]string{"version.", "id.server.", "hostname.bind.", "authors.bind.", "nothing. CH"}, func(a *answer) bool {
			return len(a.answer) == 0 && slices.Contains([]int{dns.RcodeSuccess, dns.RcodeNameError, dns.RcodeRefused, dns.RcodeNotImplemented, dns.RcodeFormatError}, a.rcode)
		})},
	{id: "TSIG", peers: bind,
		why:   `RFC 8945 §5.2.1: an unknown key is NOTAUTH with error BADKEY, in an unsigned TSIG record`,
		apply: packet([]string{"TSIG by"}, func(a *answer) bool { return len(a.answer) == 0 && a.rcode != dns.RcodeSuccess })},
	{id: "client subnet", peers: bind,
		why:   `RFC 6891 §6.1.2: an option that isn't supported is ignored`,
		apply: withoutOption("a client subnet")},
	{id: "keepalive", peers: every,
		why:   `RFC 7828 §3.3.2: a server may offer a time-out; knotd and nsd don't, named's is another one`,
		apply: withoutOption("keepalive")},
}

// packet accepts a peer's answer to a packet that is described by one of these
// words, when it is as expected.
func packet(described []string, expected func(*answer) bool) func(*comparison) {
	return func(c *comparison) {
		if c.name != "" || !expected(c.theirs) {
			return
		}
		for _, d := range described {
			if strings.HasPrefix(c.what, d) {
				c.theirs = c.ours.clone()
			}
		}
	}
}

func dropped(a *answer) bool { return a.dropped }

// rightAnswer tells whether a is that to the question of every malformed packet.
func rightAnswer(a *answer) bool {
	return a.rcode == dns.RcodeSuccess && len(a.answer) > 0 && dns.CanonicalName(a.answer[0].Header().Name)[:4] == "www."
}

func rcodeOnly(rcodes ...int) func(*answer) bool {
	return func(a *answer) bool {
		return !a.dropped && a.broken == "" && slices.Contains(rcodes, a.rcode) && len(a.answer)+len(a.additional) == 0
	}
}

func withoutOption(what string) func(*comparison) {
	return func(c *comparison) {
		if c.what == what {
			c.theirs.extended, c.ours.extended = nil, nil
		}
	}
}
