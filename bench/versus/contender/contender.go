package contender

import (
	"slices"

	"yushan/bench/versus/outcome"
)

// Transport is what a server is asked by.
type Transport string

// The transports of the comparison.
const (
	UDP  Transport = "udp"
	TCP  Transport = "tcp"
	DoT  Transport = "dot"
	DoH2 Transport = "doh"
	DoH3 Transport = "doh3"
	DoQ  Transport = "doq"
)

// Contender is a server that can be started.
type Contender struct {
	outcome.Server
	Program string // path
	Speaks  []Transport
	// Unsigned ones can't answer from a zone with NSEC3 and opt-out.
	Unsigned bool
	// Compiles tells whether it can start from a form of the zone that it has made
	// itself: Setup.Compiled.
	Compiles bool

	plan func(*Contender, *Setup) (plan, error)
}

// Does tells whether it speaks a transport.
func (c *Contender) Does(t Transport) bool { return slices.Contains(c.Speaks, t) }

// Peer tells whether it is a name server other than yushan.
func (c *Contender) Peer() bool { return c.ID != outcome.Yushan && !c.Floor }

// Setup is what a server is started for.
type Setup struct {
	For     string // what the outcome calls it: "queries, 1 worker"
	Dir     string // of its own, for configuration and state
	Root    string // that of the whole comparison, which outcomes call DIR
	Zone    string // path of the master file
	Workers int
	// Certificate and Key are paths of PEM files. "": UDP and TCP only.
	Certificate, Key string
	// Loaded raises limits far above what the load needs: connections and handshakes are
	// to be measured, not refused. Without, they are the server's own.
	Loaded bool
	// Processors is the list that taskset confines the server to. "": all.
	Processors string
	// Confined keeps servers with a runtime of their own to as many threads as workers,
	// for transports other than UDP.
	Confined bool
	// Compiled has it start from what it has made of the zone: yushan's image, NSD's
	// database, BIND's raw format. It is made at the first start with the same Dir.
	Compiled bool

	Ports Ports // chosen by Start
}

// Ports on 127.0.0.1.
type Ports struct {
	DNS    uint16 // UDP and TCP
	Secure uint16 // DoT, DoQ
	Web    uint16 // DoH over HTTP/2 and HTTP/3
}

// Port is where a transport is served.
func (p Ports) Port(t Transport) uint16 {
	switch t {
	case UDP, TCP:
		return p.DNS
	case DoT, DoQ:
		return p.Secure
	}
	return p.Web
}

// plan is how a server is started.
type plan struct {
	files []outcome.File
	args  []string // of Program
	env   []string // added to the environment
	// before is run to its end first: it makes the compiled form.
	before []string
	// compiled is the file that it makes of the zone; "": none, or before makes it.
	compiled string
	// echo servers answer anything, and have no SOA record.
	echo bool
}

// clients is what limits of connections are raised to.
const clients = 4000
