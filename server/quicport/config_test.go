package quicport

import (
	"testing"
	"time"
)

func TestLimitsShrink(t *testing.T) {
	l, err := Limits{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		open    int
		idle    time.Duration
		streams int
	}{
		{0, 10 * time.Second, 100},
		{250, 10 * time.Second, 100},
		{500, 10 * time.Second, 50},
		{1500, 10 * time.Second, 16},
		{2000, time.Second, 16},
	} {
		if idle, streams := l.idleTimeout(test.open), l.streams(test.open); idle != test.idle || streams != test.streams {
			t.Errorf("with %d connections: %v, %d streams; expected %v, %d", test.open, idle, streams, test.idle, test.streams)
		}
	}
	l.MaxStreams = 3
	if got := l.streams(2000); got != 3 {
		t.Errorf("%d streams, though at most 3 were configured", got)
	}
}
