package udp

import (
	"math"
	"testing"
	"time"
)

func TestClockTranslatesStamps(t *testing.T) {
	began := time.Now()
	c := newClock(began)
	for range 1000 {
		before := int64(time.Since(began))
		stamp := time.Now().UnixNano()
		after := int64(time.Since(began))
		now := c.now()
		// The offset may be off by the noise, and one call of the clock.
		if got := c.arrival(stamp, 0, now); got < before-2*clockNoise || got > after+2*clockNoise {
			t.Fatalf("a stamp between %d and %d is translated to %d", before, after, got)
		}
	}
}

// A wall clock that is set is noticed with the next reading.
func TestClockFollowsAWallClockThatIsSet(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour, 50 * time.Microsecond, -50 * time.Microsecond} {
		c := newClock(time.Now())
		right := c.offset
		c.offset += int64(by) // as if the clock had been set after this was found
		c.now()
		if off := math.Abs(float64(c.offset - right)); off > float64(clockNoise) {
			t.Errorf("set by %s: the offset is wrong by %v ns afterwards", by, off)
		}
	}
}

func TestImpossibleStampsAreNow(t *testing.T) {
	c := clock{offset: -1000}
	for _, tt := range []struct{ stamp, want int64 }{
		{1500, 500}, {1300, 300}, {1299, 900}, {1900, 900}, {1901, 900}, {0, 900},
	} {
		if got := c.arrival(tt.stamp, 300, 900); got != tt.want {
			t.Errorf("stamp %d: arrived at %d, expected %d", tt.stamp, got, tt.want)
		}
	}
}

func BenchmarkClock(b *testing.B) {
	c := newClock(time.Now())
	for b.Loop() {
		c.now()
	}
}
