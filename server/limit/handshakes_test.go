package limit

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// clock is a time that stands still until it is told.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func taken(h *Handshakes, client string, tries int) (n int) {
	for range tries {
		if h.Take(netip.MustParseAddr(client)) {
			n++
		}
	}
	return n
}

func TestOneClientGetsAQuarter(t *testing.T) {
	c := &clock{time.Unix(1, 0)}
	h := newHandshakes(40, c.Now)
	if n := taken(h, "192.0.2.1", 100); n != 10 {
		t.Errorf("one client: %d handshakes of a budget of 40, expected 10", n)
	}
	c.now = c.now.Add(500 * time.Millisecond)
	if n := taken(h, "192.0.2.1", 100); n != 5 {
		t.Errorf("half a second later: %d handshakes, expected 5", n)
	}
	c.now = c.now.Add(time.Hour)
	if n := taken(h, "192.0.2.1", 100); n != 10 {
		t.Errorf("an hour later: %d handshakes, expected no more than 10", n)
	}
}

func TestAClientIsAnIPv6Network(t *testing.T) {
	h := newHandshakes(40, (&clock{}).Now)
	n := 0
	for i := range 100 {
		n += taken(h, fmt.Sprintf("2001:db8::%x", i+1), 1)
	}
	if n != 10 {
		t.Errorf("one /64: %d handshakes, expected 10", n)
	}
	if n := taken(h, "::ffff:192.0.2.1", 5) + taken(h, "192.0.2.1", 100); n != 10 {
		t.Errorf("an IPv4 address in both of its forms: %d handshakes, expected 10", n)
	}
}

func TestAllClientsShareTheBudget(t *testing.T) {
	h := newHandshakes(40, (&clock{}).Now)
	n := 0
	for i := range 100 {
		if i == 15 && h.Scarce() {
			t.Error("scarce after 15 of 40")
		}
		n += taken(h, fmt.Sprintf("192.0.2.%d", i), 1)
	}
	if n < 35 || n > 40 { // a few may share a bucket with another
		t.Errorf("100 clients: %d handshakes, expected nearly 40", n)
	}
	if !h.Scarce() {
		t.Error("not scarce when used up")
	}
}

func TestARefusalTakesNothing(t *testing.T) {
	c := &clock{time.Unix(1, 0)}
	h := newHandshakes(4, c.Now)
	taken(h, "192.0.2.1", 1000)
	if n := taken(h, "192.0.2.77", 1); n != 1 {
		t.Error("a client was refused what another one did not get")
	}
}

func TestNoBudgetPermitsEverything(t *testing.T) {
	var h *Handshakes
	if !h.Take(netip.Addr{}) || h.Scarce() {
		t.Error("a nil budget refuses")
	}
}

func TestTakeAllocatesNothing(t *testing.T) {
	h := NewHandshakes(1000)
	client := netip.MustParseAddr("2001:db8::1")
	if n := testing.AllocsPerRun(100, func() { h.Take(client) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
