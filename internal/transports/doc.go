// Package transports tests the encrypted transports from outside: whole servers, the
// command `yushan serve` with a configuration file, asked over DoT, DoH and DoQ by
// other people's programs. It has no code but tests:
//
//   - answers_test.go: kdig, dig, curl, dnsperf and quic-go get the same answers over each
//     transport as over UDP and TCP;
//   - unbound_test.go: a resolver that checks certificates and signatures;
//   - nodes_test.go: nodes that share the secret of session tickets resume each other's
//     sessions, with early data;
//   - certificates_test.go: certificate files that change while connections are under way;
//   - acme_test.go: three nodes get certificates from a CA, which checks what it is told;
//   - flood_test.go: whatever the encrypted transports suffer, UDP is answered and
//     memory is bounded;
//   - stop_test.go: what is in flight when a server is told to stop is answered.
//
// The zones are those of the lab. The other files have what the tests share: server_test.go
// starts servers, bounded_test.go those whose memory is looked at, authority_test.go makes
// certificates, questions_test.go says what is asked and what counts in an answer,
// client_test.go asks, path_test.go is a network path that holds datagrams back,
// traffic_test.go knows what has been sent by QUIC.
package transports
