package udp

import "time"

const (
	// clockNoise is how far the clocks' distance may seem to grow from one reading to
	// the next, because some time passes between reading one and the other.
	clockNoise = int64(5 * time.Microsecond)
	// clockReadings is how often a greater distance must have been seen to be
	// believed: then somebody has set the wall clock.
	clockReadings = 4
)

// clock tells the time of the run, and translates the kernel's time stamps to it. The
// latter are of the wall clock, which may be set while the run goes on.
type clock struct {
	began time.Time
	// offset plus the wall clock's time is the run's.
	offset int64
}

func newClock(began time.Time) clock {
	c := clock{began: began}
	_, c.offset = c.read()
	c.adjust()
	return c
}

// read returns the time of the run and how far the wall clock is from it. The latter is
// too large by what passes between the readings of the two clocks, which is much if
// the thread has to leave its core: of some, the smallest is the truest.
func (c *clock) read() (now, offset int64) {
	t := time.Now() // the wall clock first, then the monotonic one
	now = int64(t.Sub(c.began))
	return now, now - t.UnixNano()
}

// now tells the time of the run, and looks whether the offset still holds.
func (c *clock) now() int64 {
	now, offset := c.read()
	if offset < c.offset || offset > c.offset+clockNoise {
		c.offset = offset
		c.adjust()
	}
	return now
}

// adjust takes the smallest offset of some readings.
func (c *clock) adjust() {
	for range clockReadings {
		_, offset := c.read()
		c.offset = min(c.offset, offset)
	}
}

// arrival is when a message came that is read now, by the kernel's time stamp in
// nanoseconds of the wall clock, 0 if there is none. A time before the earliest that is
// possible, or one to come, is the work of somebody who has set the clock: then it
// is now.
func (c *clock) arrival(stamp, earliest, now int64) int64 {
	at := stamp + c.offset
	if stamp == 0 || at < earliest || at > now {
		return now
	}
	return at
}
