package trial

import (
	"slices"

	"yushan/bench/versus/client"
	"yushan/bench/versus/contender"
	"yushan/bench/versus/outcome"
)

// spec is a row with how it is measured.
type spec struct {
	outcome.Row
	takes []string // IDs of servers, yushan first
	stage stage
	load  client.Load // of queries
}

// stage is what rows are measured together.
type stage uint8

const (
	unsigned stage = iota
	signed
	large
	largeSigned
	growth
	huge
	change
)

// Groups of rows, in the order of the report.
const (
	groupQueries    = "Queries"
	groupHandshakes = "Handshakes"
	groupZones      = "Start and memory"
	groupChange     = "Changes and growth"
)

// Units of rows.
const (
	perQuery     = "µs/query"
	perCPUSecond = "/CPU s"
)

const (
	yushan  = outcome.Yushan
	nsd     = contender.NSD
	knot    = contender.Knot
	newKnot = contender.NewKnot
	bind    = contender.BIND
	coredns = contender.CoreDNS
	cEcho   = contender.CEcho
	goEcho  = contender.GoEcho
)

func best(limit float64) outcome.Target { return outcome.Target{Of: outcome.BestPeer, Limit: limit} }
func of(server string, limit float64) outcome.Target {
	return outcome.Target{Of: server, Limit: limit}
}
func alone(limit float64) outcome.Target { return outcome.Target{Limit: limit} }

// specs are all rows.
func specs() []spec {
	// What dnsperf does by itself, but for more queries under way.
	plain := client.Load{Clients: 10, Concurrency: 200, Threads: 1}
	streams := client.Load{Clients: 16, Concurrency: 400, Threads: 1}
	few := client.Load{Clients: 16, Concurrency: 128, Threads: 1}
	each := client.Load{Clients: 16, Concurrency: 16, Threads: 1}
	crowd := client.Load{Clients: 100, Concurrency: 400, Threads: 2}
	on := func(l client.Load, t contender.Transport) client.Load { l.Transport = t; return l }
	do := func(l client.Load) client.Load { l.DO = true; return l }
	byBench := func(l client.Load) client.Load { l.Bench = true; return l }
	get := func(l client.Load) client.Load { l.Get = true; return l }
	new := func(l client.Load, handshake string) client.Load { l.Handshake = handshake; return l }

	queries := func(id, title, how string, s stage, l client.Load, takes []string, targets ...outcome.Target) spec {
		return spec{Row: outcome.Row{ID: id, Title: title, Group: groupQueries, Unit: perQuery, How: how, Targets: targets}, takes: takes, stage: s, load: l}
	}
	handshakes := func(id, title, how string, l client.Load, takes []string, targets ...outcome.Target) spec {
		return spec{Row: outcome.Row{ID: id, Title: title, Group: groupHandshakes, Unit: perCPUSecond, More: true, How: how, Targets: targets}, takes: takes, stage: unsigned, load: l}
	}
	const cpu = "The server's CPU time, of all of its processes and threads, by the queries that were answered with NOERROR or NXDOMAIN. "
	const persistent = cpu + "Connections stay open; "
	const fresh = "How many connections with one query each the server handles in a second of its CPU time. Sixteen clients at a time; "
	stream := []string{yushan, nsd, knot, newKnot, bind, goEcho}
	rows := []spec{
		queries("udp", "UDP", cpu+"Ten sockets, 200 queries under way.", unsigned, on(plain, contender.UDP),
			[]string{yushan, nsd, knot, newKnot, bind, cEcho, goEcho}, best(0.7), of(cEcho, 1.4)),
		queries("udp-signed", "UDP, signed zone, DO", cpu+"The zone is signed with NSEC3 and opt-out; all queries have DO set.", signed, do(on(plain, contender.UDP)),
			[]string{yushan, nsd, knot, newKnot, bind}, best(0.7)),
		queries("flood", "UDP, flood of names that don't exist", cpu+"The signed zone again, DO set; every query is for a random name below the zone or one of its categories, so every answer is NXDOMAIN with its proofs.", signed, do(on(plain, contender.UDP)),
			[]string{yushan, nsd, knot, newKnot, bind}, best(0.8)),
		queries("tcp", "TCP", persistent+"ten of them, 20 queries under way on each.", unsigned, on(plain, contender.TCP), stream, best(0.45)),
		queries("dot", "DoT", persistent+"ten of them, 20 queries under way on each. With Knot 3.5 this is repeated until it succeeds: it waits within one handshake at a time, dnsperf 2.10 often for another one, and then neither goes on.", unsigned, on(plain, contender.DoT), stream, of(nsd, 0.5), of(newKnot, 0.65)),
		queries("dot-together", "DoT, queries written together", persistent+"ten of them, 20 queries under way on each. Those of a connection that are due together are written at once, by yushan-bench, as a busy resolver does: a server that reads and answers them together has less to do. No target is held against it.", unsigned, byBench(on(plain, contender.DoT)), stream),
		queries("doh", "DoH, HTTP/2, POST", persistent+"ten of them, 20 queries under way on each.", unsigned, on(plain, contender.DoH2), []string{yushan, bind}, best(0.6)),
		queries("doh-get", "DoH, HTTP/2, GET", persistent+"ten of them, 20 queries under way on each.", unsigned, get(on(plain, contender.DoH2)), []string{yushan, bind}, best(0.6)),
		queries("doh3", "DoH, HTTP/3", persistent+"sixteen of them, 25 queries under way on each.", unsigned, on(streams, contender.DoH3), []string{yushan, coredns}, of(coredns, 0.5)),
		queries("doq", "DoQ", persistent+"sixteen of them, 25 queries under way on each. Knot answers no more than ten at a time on a connection: see the next row.", unsigned, on(streams, contender.DoQ),
			[]string{yushan, coredns, goEcho}, of(coredns, 0.35), of(goEcho, 1.2)),
		queries("doq-few", "DoQ, few queries under way", persistent+"sixteen of them, 8 queries under way on each, which Knot answers, too.", unsigned, on(few, contender.DoQ),
			[]string{yushan, coredns, newKnot, goEcho}, outcome.Target{Of: newKnot, Limit: 1, Moonshot: true}),

		handshakes("tcp-connect", "TCP connections", fresh+"a connection each, closed by the client.", new(on(each, contender.TCP), "full"), []string{yushan, nsd, knot, newKnot, bind}),
		handshakes("dot-full", "DoT, full handshakes", fresh+"none has a session ticket.", new(on(each, contender.DoT), "full"), []string{yushan, nsd, newKnot, bind}, best(1)),
		handshakes("dot-resumed", "DoT, resumed handshakes", fresh+"all but the first connection of each have a session ticket.", new(on(each, contender.DoT), "resumed"), []string{yushan, nsd, newKnot, bind}, best(1)),
		handshakes("doq-full", "DoQ, full handshakes", fresh+"none has a session ticket or a token.", new(on(each, contender.DoQ), "full"), []string{yushan, coredns, newKnot}, best(1)),
		handshakes("doq-resumed", "DoQ, resumed handshakes", fresh+"all but the first connection of each have a session ticket and a token.", new(on(each, contender.DoQ), "resumed"), []string{yushan, coredns, newKnot}, best(1)),
	}
	zones := []string{yushan, nsd, knot, newKnot, bind}
	add := func(group string, s stage, id, title, unit, how string, takes []string, targets ...outcome.Target) {
		l := on(plain, contender.UDP)
		if s == growth {
			// dnsperf can't fill two workers: they would be measured at rest, where each
			// batch is smaller than that of one.
			l = byBench(on(crowd, contender.UDP))
		}
		rows = append(rows, spec{Row: outcome.Row{ID: id, Title: title, Group: group, Unit: unit, How: how, Targets: targets}, takes: takes, stage: s, load: l})
	}
	add(groupZones, large, "load", "Load from text", "s", "From the start of the process until it answers for the zone's SOA record, by the clock, on all processors. The file is in the page cache.", zones, of(nsd, 0.2))
	add(groupZones, large, "image", "Start from a compiled zone", "ms", "From the start of the process until it answers, by the clock, on all processors, when it has made of the zone what it can: yushan's zone image, NSD's database (nsd.db), BIND's raw format. Knot has none, and starts from text.", zones, alone(100), best(0.02))
	add(groupZones, large, "memory", "Memory", "MB", "Proportional set size of all processes, after two seconds of queries, when it doesn't change any more.", zones, best(0.2))
	add(groupZones, largeSigned, "memory-signed", "Memory, signed zone", "MB", "Likewise, with NSEC3 and opt-out.", zones, best(0.3))
	add(groupZones, large, "reload", "Memory while reloading", "×", "The most that its proportional set size is, measured up to forty times a second, from SIGHUP until the zone is in service and all is quiet again, by what it was before. The file has been written anew, with the next serial and nothing else changed.", zones, alone(2.2))
	add(groupZones, huge, "huge-memory", "Memory, the largest zone", "MB", "Proportional set size with the zone of the most delegations, measured like that of the large zone.", []string{yushan}, alone(1200))
	add(groupChange, huge, "huge-lookup", "UDP, the largest zone by a small one", "×", "The CPU time a query with the zone of the most delegations by that with 100 times fewer.", []string{yushan}, alone(1.5))
	add(groupChange, growth, "growth", "UDP, two workers by one", "×", "The CPU time a query with two workers by that with one. A hundred sockets, 400 queries under way, from two threads; both with the same processors. Always by yushan-bench, for all servers: dnsperf sends about half as many queries a second, with which two workers are half idle and take fewer of them at a time, so that their cost would be that of a quiet server, and not of doing it together.", []string{yushan, nsd, knot, newKnot, bind}, alone(1.1))
	add(groupChange, change, "change", "Change of 10,000 delegations", "ms", "Time by the clock until a change of 10,000 delegations is in service, in the zone for load and memory while nobody asks: yushan's own benchmark, in the process that serves.", []string{yushan}, alone(100))
	add(groupChange, change, "change-latency", "Latency during changes", "×", "The 99.9th percentile of the latency on UDP at half load while such a change is applied each second, by that of a quiet server.", []string{yushan}, alone(1.5))
	return rows
}

// RowIDs are those of all rows, in their order.
func RowIDs() []string {
	var ids []string
	for _, s := range specs() {
		ids = append(ids, s.ID)
	}
	return ids
}

// of returns the rows of a stage.
func rowsOf(all []spec, s stage) []spec {
	return slices.DeleteFunc(slices.Clone(all), func(r spec) bool { return r.stage != s })
}

// Rows are all rows, without figures.
func Rows() []outcome.Row {
	var rows []outcome.Row
	for _, s := range specs() {
		rows = append(rows, s.Row)
	}
	return rows
}
