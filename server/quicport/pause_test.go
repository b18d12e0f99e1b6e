package quicport

import (
	"testing"
	"time"
)

// Nobody's round trip makes the wait longer than it may be.
func TestPause(t *testing.T) {
	for roundTrip, want := range map[time.Duration]time.Duration{
		0:                      glance,
		time.Millisecond:       glance,
		120 * time.Millisecond: 120 * time.Millisecond,
		time.Hour:              500 * time.Millisecond,
	} {
		if got := pause(roundTrip); got != want {
			t.Errorf("pause(%v) = %v, expected %v", roundTrip, got, want)
		}
	}
}
