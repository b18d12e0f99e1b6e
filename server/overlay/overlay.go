package overlay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"yushan/zone/dname"
)

// DefaultLifetime is how long a record lives unless configured otherwise. An
// order takes minutes, and its authorizations are good for hours.
const DefaultLifetime = time.Hour

// DefaultMaxRecords is how many records there may be unless configured otherwise.
const DefaultMaxRecords = 256

// Options say for whom there is an overlay, and who may change it.
type Options struct {
	// Hosts are the names that are to get certificates, in presentation form,
	// U-labels allowed. "*." at the start of one means nothing: a certificate for
	// *.example is validated at _acme-challenge.example too. One at least.
	Hosts []string
	// Servers are the names in the NS records, which should be those by which the
	// parent zones delegate, if they do. None: Hosts.
	Servers []string
	// Keys are those by which other nodes may sign updates. None: no updates.
	Keys []Key
	// MaxRecords is how many TXT records there may be, in all zones together. 0
	// means DefaultMaxRecords.
	MaxRecords int
	// Lifetime is how long a record stays unless it is presented again. 0 means
	// DefaultLifetime.
	Lifetime time.Duration
}

// Overlay is a set of zones with records that come and go. Its methods may be
// called by any goroutine.
type Overlay struct {
	zones      map[string]*Zone // by apex; never changes
	keys       map[string]Key   // by name, lower case, with the final dot; never changes
	maxRecords int
	lifetime   time.Duration

	mu      sync.Mutex // guards what follows, and the writing of Zone.names
	records []record
	expiry  *time.Timer // runs expire; nil before the first record
	closed  bool
}

// record is a TXT record that is published.
type record struct {
	zone    *Zone
	owner   []byte // wire format, lower case
	rdata   []byte
	expires time.Time
}

// challengeLabel begins the names of all apexes (RFC 8555 §8.4).
const challengeLabel = "\x0f_acme-challenge"

// New returns an overlay without records.
func New(opts Options) (*Overlay, error) {
	o := &Overlay{
		zones:      map[string]*Zone{},
		maxRecords: opts.MaxRecords,
		lifetime:   opts.Lifetime,
	}
	if o.maxRecords <= 0 {
		o.maxRecords = DefaultMaxRecords
	}
	if o.lifetime <= 0 {
		o.lifetime = DefaultLifetime
	}
	var hosts, servers [][]byte
	for _, text := range opts.Hosts {
		host, err := parseHost(text)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	for _, text := range opts.Servers {
		server, err := parseHost(text)
		if err != nil {
			return nil, err
		}
		servers = append(servers, server)
	}
	if len(hosts) == 0 {
		return nil, errors.New("challenge records: no hosts to hold them for")
	}
	if len(servers) == 0 {
		servers = hosts
	}
	servers = distinct(servers)
	for _, host := range hosts {
		apex := append([]byte(challengeLabel), host...)
		if len(apex) > dname.MaxWire {
			return nil, fmt.Errorf("challenge records: host %s: the name is too long to have _acme-challenge before it", dname.Display(host))
		}
		z := &Zone{apex: apex, soa: soaRDATA(servers[0]), ns: servers}
		z.names.Store(&map[string][][]byte{string(apex): nil})
		o.zones[string(apex)] = z
	}
	keys, err := keysByName(opts.Keys)
	if err != nil {
		return nil, err
	}
	o.keys = keys
	return o, nil
}

func parseHost(text string) ([]byte, error) {
	host, err := dname.ParseFQDN(text)
	if err != nil {
		return nil, fmt.Errorf("challenge records: host %q: %w", text, err)
	}
	if dname.IsWildcard(host) {
		host = dname.Parent(host)
	}
	if len(host) == 1 {
		return nil, fmt.Errorf("challenge records: host %q: no name of a host", text)
	}
	dname.Lower(host)
	return host, nil
}

func distinct(names [][]byte) (out [][]byte) {
	for _, name := range names {
		if !slices.ContainsFunc(out, func(other []byte) bool { return bytes.Equal(other, name) }) {
			out = append(out, name)
		}
	}
	return out
}

// soaRDATA returns the RDATA of an SOA record (RFC 1035 §3.3.13) for a zone of
// which no copies are made.
func soaRDATA(server []byte) []byte {
	b := append(bytes.Clone(server), server...) // hostmaster's mailbox: there is nobody but the server
	for _, seconds := range []uint32{1 /* serial */, 3600, 600, 86400, TTLSeconds} {
		b = binary.BigEndian.AppendUint32(b, seconds)
	}
	return b
}

// Zone returns the zone whose apex is the deepest one at or above name, which is
// in wire format and lower case; nil if there is none, or o is nil. starts are
// the positions of name's labels, the root's included. It takes no memory.
func (o *Overlay) Zone(name []byte, starts []uint8) *Zone {
	if o == nil {
		return nil
	}
	for _, at := range starts {
		if name[at] == challengeLabel[0] && name[at+1] == challengeLabel[1] {
			if z := o.zones[string(name[at:])]; z != nil {
				return z
			}
		}
	}
	return nil
}

// find returns the zone that name belongs to, nil if there is none.
func (o *Overlay) find(name []byte) *Zone {
	for ; len(name) > 1; name = dname.Parent(name) {
		if z := o.zones[string(name)]; z != nil {
			return z
		}
	}
	return nil
}
