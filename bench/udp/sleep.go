package udp

import "time"

const (
	// recheck is how long a sender sleeps at most before it looks whether it has been
	// told to stop.
	recheck = int64(50 * time.Millisecond)
	// blindSleep is how long it sleeps at most without looking for answers. They have
	// the kernel's time stamps, and the receive buffer holds more than come meanwhile;
	// to wake up for each would cost more than all the rest.
	blindSleep = int64(time.Millisecond)
	// spin is how long it waits on the core: less than a sleep can be.
	spin = int64(5 * time.Microsecond)
	// maxLead bounds how much earlier it has itself woken than it is needed.
	maxLead = int64(100 * time.Microsecond)
)

// sleep waits until next, or until there is an answer to read if that is worth it. It
// may be short.
func (s *sender) sleep(next int64) {
	now := s.work.Now()
	rest := min(next-now, recheck)
	if rest <= spin {
		for s.work.Now() < now+rest {
		}
		return
	}
	fd := s.epoll
	if rest <= blindSleep && !s.closed && !s.noID {
		fd = -1
	}
	nap := max(rest-s.lead, 1)
	if sleep(fd, time.Duration(nap)) {
		s.late(s.work.Now() - now - nap)
	}
}

// late learns from how much later than asked for the thread has come back. It comes
// back as late nearly always: 5 µs on one machine, 50 on another. So it has itself woken
// earlier by what is exceeded nine times out of ten; what is left then is waited for on
// the core, or slept again.
func (s *sender) late(by int64) {
	if by > s.lead {
		// Whoever has lost the core is late by far more, which says nothing.
		s.lead += min(by-s.lead, maxLead/4) / 16
	} else {
		s.lead -= (s.lead - by) / 2
	}
	s.lead = min(s.lead, maxLead)
}
