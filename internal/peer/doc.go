// Package peer runs other authoritative servers for tests, and asks them and
// yushan the same questions.
//
// A peer is started with zones from master files, on a free port of 127.0.0.1:
//
//	peer.Require(t, peer.Knot)
//	knot := peer.Start(t, peer.Knot, peer.Zone{Origin: "tw.", File: path})
//	replies := peer.Ask(t.Context(), knot.Addr, queries)
//
// Its config is generated so that peers can be compared: no recursion, no
// cookies, no rate limit, no identity, EDNS size 1232, minimal answers, nothing
// reachable from outside and nothing written outside of the test's own
// directory. It is stopped when the test ends, and its output is shown when the
// test has failed.
//
// [StartWith] has it serve encrypted transports too, by the certificate of
// [NewCertificate], or transfer its zones.
//
// [GoTool] is for programs that come as Go source: it builds them. [StartPebble]
// runs one of them, an ACME CA, which asks its questions of a [Resolver].
//
// [StartYushan] runs this project's own server as users do: the built command, with a
// configuration file. [StartUnbound] runs a resolver that asks it.
//
// [Ask] keeps the bytes as they come: what a malformed packet is answered with,
// or that it is not, is part of what is compared.
package peer
