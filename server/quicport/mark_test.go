package quicport

import (
	"context"
	"fmt"
	"testing"

	"golang.org/x/net/ipv4"
)

// TestMarkIsBehindAll fills a socket's queue, and has it tell when all is read.
func TestMarkIsBehindAll(t *testing.T) {
	for _, family := range []struct{ own, peer string }{
		{"127.0.0.1:0", "127.0.0.1"}, {"[::1]:0", "::1"}, {"0.0.0.0:0", "127.0.0.1"}, {"[::]:0", "::1"},
	} {
		s, peer := newTestSocket(t, family.own), plain(t, family.peer)
		const queued = 100
		for n := range queued {
			if _, err := peer.WriteTo(fmt.Appendf(nil, "%d", n), s.self()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(within(t))
		passed := make(chan struct{})
		go func() {
			defer close(passed)
			s.passed(ctx)
		}()
		// The mark is on its way before anything is read.
		eventually(t, "the mark to be sent", func() bool {
			var c Counters
			s.addTo(&c)
			return c.DatagramsOut > 0
		})
		select {
		case <-passed:
			t.Fatalf("%s: passed before anything was read", family.own)
		default:
		}
		messages := make([]ipv4.Message, 8)
		for i := range messages {
			messages[i].Buffers, messages[i].OOB = [][]byte{make([]byte, 1500)}, make([]byte, 128)
		}
		got := 0
		go func() { // what is read behind the last doesn't matter
			<-passed
			peer.WriteTo([]byte("end"), s.self())
		}()
		for ended := false; !ended; {
			n, err := s.ReadBatch(messages, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range messages[:n] {
				switch text := string(m.Buffers[0][:m.N]); {
				case text == "end":
					ended = true
				case text == fmt.Sprint(got):
					got++
				case got == queued && text[0] == 0: // a mark that was sent again, and isn't looked for any more
				default:
					t.Fatalf("%s: %q is handed on, expected number %d", family.own, text, got)
				}
			}
		}
		if got != queued {
			t.Errorf("%s: passed when %d of %d datagrams were read", family.own, got, queued)
		}
		cancel()
	}
}

// TestMarkThatNobodyReads ends with its context.
func TestMarkThatNobodyReads(t *testing.T) {
	s := newTestSocket(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(within(t))
	passed := make(chan struct{})
	go func() {
		defer close(passed)
		s.passed(ctx)
	}()
	eventually(t, "the mark to be sent", func() bool {
		var c Counters
		s.addTo(&c)
		return c.DatagramsOut > 0
	})
	cancel()
	<-passed
	if s.mark.Load() != nil {
		t.Error("a mark is still looked for")
	}
}
