// Package fakedns runs DNS servers for tests of clients: they behave, or misbehave,
// as a script says, and know the truth about it.
//
//	client ──► Server (UDP, TCP, DoT, DoH, DoQ …) ──► Query ──► Script ──► Reply
//	                       │                                                │
//	                       └──── Exchanges: when it came, when it went ◄────┘
//
// A [Script] answers one query after the other. [Good] is one that is right and
// fast; the others are made of it:
//
//	fakedns.Start(t, fakedns.UDP, fakedns.Delayed(fakedns.Uniform(100*time.Millisecond, time.Second, 1), fakedns.Good))
//	fakedns.Start(t, fakedns.TCP, fakedns.After(100, fakedns.Good, fakedns.Dies))
//	fakedns.Start(t, fakedns.UDP, fakedns.Every(10, fakedns.WrongID, fakedns.Good))
//
// The times of an [Exchange] are the server's own, so that what a client has measured
// can be held against them, however busy the machine is. On UDP the kernel says when a
// query came.
//
// It is for tests only, and imports nothing of yushan but test helpers, so that the
// tests of every package may use it.
package fakedns
