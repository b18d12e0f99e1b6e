package quicport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

// table is who is connected, or about to be. It is asked by quic-go's goroutine
// that handles first packets, and told when connections end.
type table struct {
	cfg    *Config
	events *events

	mu          sync.Mutex // guards what follows
	entries     []*entry   // entry.slot is the index
	clients     map[netip.Addr]share
	open        int // those that count: not evicted
	handshaking int
	unproven    int       // of these: from addresses that may be forged
	cursor      int       // where the next search for a victim begins
	looked      time.Time // when notice was last called
}

// share is what one client has of the table.
type share struct{ open, unproven int }

// entry is one connection, from its first packet on.
type entry struct {
	client      netip.Addr // as the table counts it
	slot        int
	unproven    bool
	handshaking bool
	evicted     bool
	conn        *quic.Conn // nil until it is accepted

	packets uint64    // that had arrived when notice last looked at it
	since   time.Time // when it first saw this number
}

type entryKey struct{}

const (
	// clientShare is the part of MaxHandshakes that may be under way from one client's network
	// before its address is asked to be proven: many clients behind one address (a
	// translator's, a farm of resolvers') are no attack, and Retry costs each a round trip and
	// us a seventh of a handshake more.
	clientShare = 16
	// calmShare is the part of MaxHandshakes that addresses that aren't proven may
	// fill.
	calmShare = 4
)

var (
	errBudget  = errors.New("handshakes are over the budget")
	errTooMany = errors.New("too many connections")
)

func (t *table) init(cfg *Config, events *events) {
	t.cfg, t.events = cfg, events
	t.clients = map[netip.Addr]share{}
}

// clientKey is what counts as one client: whoever has an IPv6 address usually has
// its whole /64.
func clientKey(client net.Addr) netip.Addr {
	udp, ok := client.(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := udp.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is6() {
		prefix, _ := addr.Prefix(64) // 64 bits is always valid
		return prefix.Addr()
	}
	return addr
}

// mustProve reports whether a client has to prove its address by a token before
// its handshake begins.
func (t *table) mustProve(client net.Addr) bool {
	t.mu.Lock()
	busy := t.unproven >= max(1, t.cfg.Limits.MaxHandshakes/calmShare) ||
		t.clients[clientKey(client)].unproven >= max(1, t.cfg.Limits.MaxHandshakes/clientShare) ||
		t.open >= t.cfg.Limits.MaxConns
	t.mu.Unlock()
	if busy || t.cfg.Handshakes.Scarce() {
		t.events.retries.Add(1)
		return true
	}
	return false
}

// admit takes a connection that begins into the table, or refuses it by an error.
func (t *table) admit(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	e := &entry{client: clientKey(info.RemoteAddr), unproven: !info.AddrVerified, handshaking: true}
	if err := t.add(e); err != nil {
		return nil, err
	}
	ctx = context.WithValue(ctx, entryKey{}, e)
	context.AfterFunc(ctx, func() { t.leave(e) })
	return ctx, nil
}

func (t *table) add(e *entry) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	limits := &t.cfg.Limits
	t.notice()
	if t.clients[e.client].open >= limits.MaxConnsPerClient {
		t.events.refused.Add(1)
		return errTooMany
	}
	if t.handshaking >= limits.MaxHandshakes || !t.cfg.Handshakes.Take(e.client) {
		t.events.overBudget.Add(1)
		return errBudget
	}
	if t.open >= limits.MaxConns && !t.evict() {
		t.events.refused.Add(1)
		return errTooMany
	}
	t.events.handshakes.Add(1)
	e.slot = len(t.entries)
	t.entries = append(t.entries, e)
	t.open++
	t.handshaking++
	own := t.clients[e.client]
	own.open++
	if e.unproven {
		t.unproven++
		own.unproven++
	}
	t.clients[e.client] = own
	return nil
}

// connected notes that a connection was accepted, and sees to it that the end of
// its handshake is noted.
func (t *table) connected(conn *quic.Conn) {
	e, ok := conn.Context().Value(entryKey{}).(*entry)
	if !ok {
		return
	}
	t.mu.Lock()
	e.conn, e.since = conn, time.Now()
	t.mu.Unlock()
	select {
	case <-conn.HandshakeComplete():
		t.established(e)
	default:
		// 0-RTT; it takes a round trip more, or fails.
		go func() {
			select {
			case <-conn.HandshakeComplete():
				t.established(e)
			case <-conn.Context().Done():
			}
		}()
	}
}

func (t *table) established(e *entry) {
	t.mu.Lock()
	t.handshakeEnds(e)
	t.mu.Unlock()
	state := e.conn.ConnectionState()
	if state.TLS.DidResume {
		t.events.resumed.Add(1)
	}
	if state.Used0RTT {
		t.events.earlyData.Add(1)
	}
}

// handshakeEnds is called with the mutex held, any number of times.
func (t *table) handshakeEnds(e *entry) {
	if !e.handshaking {
		return
	}
	e.handshaking = false
	t.handshaking--
	if e.unproven {
		e.unproven = false
		t.unproven--
		own := t.clients[e.client]
		own.unproven--
		t.clients[e.client] = own
	}
}

// leave is called once for each entry, when its connection has ended.
func (t *table) leave(e *entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.handshaking {
		t.events.failures.Add(1)
		t.handshakeEnds(e)
	}
	last := t.entries[len(t.entries)-1]
	last.slot = e.slot
	t.entries[e.slot] = last
	t.entries[len(t.entries)-1] = nil
	t.entries = t.entries[:len(t.entries)-1]
	if !e.evicted {
		t.uncount(e)
	}
}

// uncount makes room for another connection while e is still ending.
func (t *table) uncount(e *entry) {
	t.open--
	own := t.clients[e.client]
	own.open--
	if own.open <= 0 {
		delete(t.clients, e.client)
		return
	}
	t.clients[e.client] = own
}

const (
	// sample is how many connections are looked at for the one that has been silent
	// for longest. To look at all would make an attacker's connections expensive
	// for us only.
	sample = 32
	// silence is how long a victim must have been silent.
	silence = 250 * time.Millisecond
)

// notice looks which connections are silent, when it isn't long until places are
// short; no more often than is needed. It costs some nanoseconds a connection.
func (t *table) notice() {
	now := time.Now()
	if t.open < t.cfg.Limits.calm() || now.Sub(t.looked) < silence/2 {
		return
	}
	t.looked = now
	for _, e := range t.entries {
		if e.conn == nil {
			continue
		}
		if packets := e.conn.ConnectionStats().PacketsReceived; packets != e.packets {
			e.packets, e.since = packets, now
		}
	}
}

// evict makes room for a connection. It reports false if none of those it looked at
// is known to be silent.
func (t *table) evict() bool {
	var victim *entry
	for range min(sample, len(t.entries)) {
		t.cursor++
		if t.cursor >= len(t.entries) {
			t.cursor = 0
		}
		e := t.entries[t.cursor]
		if e.conn == nil || e.evicted || e.handshaking || t.looked.Sub(e.since) < silence {
			continue
		}
		if victim == nil || e.since.Before(victim.since) {
			victim = e
		}
	}
	if victim == nil {
		return false
	}
	victim.evicted = true
	t.uncount(victim)
	t.events.evicted.Add(1)
	go victim.conn.CloseWithError(t.cfg.Codes.ExcessiveLoad, "")
	return true
}

func (t *table) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open
}

// closeAll closes what is open.
func (t *table) closeAll(code quic.ApplicationErrorCode) {
	t.mu.Lock()
	var conns []*quic.Conn
	for _, e := range t.entries {
		if e.conn != nil {
			conns = append(conns, e.conn)
		}
	}
	t.mu.Unlock()
	var closing sync.WaitGroup
	for _, conn := range conns {
		closing.Go(func() { conn.CloseWithError(code, "") })
	}
	closing.Wait()
}

func (t *table) addTo(sum *Counters) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum.Open, sum.Handshaking = t.open, t.handshaking
}
