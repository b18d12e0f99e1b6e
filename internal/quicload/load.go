package quicload

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"golang.org/x/sync/errgroup"
)

// Load is queries to be sent over some connections, with some streams open on each
// at any time.
type Load struct {
	Addr           string
	Protocol       string
	Conns, Streams int
	Total          int
	Query          func(n int) []byte // the n-th; its ID must be 0. Called by several goroutines
	// Check, unless nil, looks at the n-th answer.
	Check func(n int, answer []byte) error
}

// Run sends the queries and waits for all answers.
func (l Load) Run(ctx context.Context) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range l.Conns {
		conn, err := quic.DialAddr(ctx, l.Addr, ClientTLS(l.Protocol), &quic.Config{DisablePathMTUDiscovery: true})
		if err != nil {
			return fmt.Errorf("connect to %s: %w", l.Addr, err)
		}
		var streams sync.WaitGroup
		for range l.Streams {
			streams.Add(1)
			group.Go(func() error {
				defer streams.Done()
				return l.stream(ctx, conn, &next)
			})
		}
		group.Go(func() error {
			streams.Wait()
			return conn.CloseWithError(0, "")
		})
	}
	return group.Wait()
}

func (l Load) stream(ctx context.Context, conn *quic.Conn, next *atomic.Int64) error {
	frame := make([]byte, 0, 512)
	answer := make([]byte, 2+65535)
	for {
		n := int(next.Add(1)) - 1
		if n >= l.Total {
			return nil
		}
		stream, err := conn.OpenStreamSync(ctx)
		if err != nil {
			return fmt.Errorf("query %d: %w", n, err)
		}
		message := l.Query(n)
		frame = append(binary.BigEndian.AppendUint16(frame[:0], uint16(len(message))), message...)
		if _, err := stream.Write(frame); err != nil {
			return fmt.Errorf("query %d: %w", n, err)
		}
		stream.Close()
		got, err := io.ReadFull(stream, answer)
		if !errors.Is(err, io.ErrUnexpectedEOF) || got < 2 {
			return fmt.Errorf("query %d: %d bytes, %v: expected an answer and FIN", n, got, err)
		}
		if l.Check != nil {
			if err := l.Check(n, answer[2:got]); err != nil {
				return fmt.Errorf("query %d: %w", n, err)
			}
		}
	}
}
