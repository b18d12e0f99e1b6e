package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"yushan/internal/encload"
)

func main() {
	l := encload.Load{Streams: 1}
	flag.StringVar((*string)(&l.Protocol), "m", "doq", "protocol: "+encload.Names())
	flag.StringVar(&l.Addr, "s", "127.0.0.1:8853", "address of the server")
	flag.IntVar(&l.Conns, "c", 16, "connections at once")
	streams := flag.Int("q", 25, "queries at once on each of them, where they persist")
	flag.DurationVar(&l.Time, "l", 5*time.Second, "how long to send")
	handshakes := flag.String("handshakes", "few", "few, or one for each query: full or resumed")
	dnssec := flag.Bool("D", false, "set the DNSSEC OK bit")
	data := flag.String("d", "", "file of queries: a name and a type on each line")
	flag.Parse()
	if err := run(l, *handshakes, *streams, *data, *dnssec); err != nil {
		fmt.Fprintln(os.Stderr, "encload:", err)
		os.Exit(1)
	}
}

func run(l encload.Load, handshakes string, streams int, data string, dnssec bool) error {
	switch handshakes {
	case "few":
		l.Streams = streams
	case "full":
		l.Handshakes = encload.Full
	case "resumed":
		l.Handshakes = encload.Resumed
	default:
		return fmt.Errorf("handshakes %q: expected few, full or resumed", handshakes)
	}
	file, err := os.Open(data)
	if err != nil {
		return err
	}
	defer file.Close()
	if l.Queries, err = encload.ReadQueries(file, dnssec); err != nil {
		return fmt.Errorf("%s: %w", data, err)
	}
	r, err := l.Run(context.Background())
	if err != nil {
		return err
	}
	fmt.Printf("sent %d\nanswered %d\nopened %d\nresumed %d\nseconds %.3f\n", r.Sent, r.Answered, r.Opened, r.Resumed, r.Elapsed.Seconds())
	return nil
}
