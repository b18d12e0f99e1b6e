package result

// each calls f for all counts, beside those of another.
func (c *Counts) each(o *Counts, f func(a *uint64, b uint64)) {
	f(&c.Due, o.Due)
	f(&c.Sent, o.Sent)
	f(&c.Answered, o.Answered)
	f(&c.Lost, o.Lost)
	f(&c.Unsent, o.Unsent)
	f(&c.Truncated, o.Truncated)
	f(&c.SentBytes, o.SentBytes)
	f(&c.ReceivedBytes, o.ReceivedBytes)
	for i := range c.RCodes {
		f(&c.RCodes[i], o.RCodes[i])
	}
	f(&c.Odd.Malformed, o.Odd.Malformed)
	f(&c.Odd.Mismatched, o.Odd.Mismatched)
	f(&c.Odd.Unexpected, o.Odd.Unexpected)
	f(&c.Odd.Duplicate, o.Odd.Duplicate)
	f(&c.Odd.Late, o.Odd.Late)
	f(&c.Odd.Status, o.Odd.Status)
}

// Add adds other counts.
func (c *Counts) Add(o *Counts) {
	c.each(o, func(a *uint64, b uint64) { *a += b })
}

// Minus returns what has been counted since before.
func (c *Counts) Minus(before *Counts) Counts {
	since := *c
	since.each(before, func(a *uint64, b uint64) { *a -= b })
	return since
}
