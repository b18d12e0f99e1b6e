// This command sends queries, or does handshakes, on encrypted transports for a
// while and prints what came of it:
//
//	go run ./internal/encload/cmd -m doq -s 127.0.0.1:8853 -d queries -l 5s
//	go run ./internal/encload/cmd -m dot -handshakes resumed -s 127.0.0.1:8853 -d queries -l 5s
package main
