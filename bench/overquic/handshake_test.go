package overquic

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/quic-go/quic-go"

	"yushan/bench/load"
)

func TestHandshakes(t *testing.T) {
	early := quic.Config{Allow0RTT: true}
	doqServer := serveDoQ(t, early, usual)
	strict := serveDoQ(t, quic.Config{}, usual)
	web := serveDoH3(t, answerHTTP(t))
	for _, tt := range []struct {
		name   string
		server *fake
		load.Transport
		load.Handshake
		resumed, early bool
	}{
		{"doq", doqServer, load.DoQ, load.Full, false, false},
		{"doq", doqServer, load.DoQ, load.Resumed, true, false},
		{"doq", doqServer, load.DoQ, load.Early, true, true},
		{"doq without 0-RTT", strict, load.DoQ, load.Early, true, false},
		{"doh3", web, load.DoH3, load.Full, false, false},
		{"doh3", web, load.DoH3, load.Resumed, true, false},
		{"doh3", web, load.DoH3, load.Early, true, true},
	} {
		if !slices.Contains(allHandshakes, tt.Handshake) {
			continue
		}
		const queries, clients = 40, 3
		before := tt.server.opened.Load()
		run := test{options: options(tt.server.addr, tt.Transport), plan: limited(queries)}
		run.options.Handshake, run.options.Depth = tt.Handshake, 1
		r := run.run(t)
		answered(t, r, queries)
		c := r.Connections
		if c.Opened != queries || tt.server.opened.Load()-before != queries || c.Handshake.Count() != queries {
			t.Errorf("%s, %s: %d connections, the server has seen %d: expected %d", tt.name, tt.Handshake, c.Opened, tt.server.opened.Load()-before, queries)
		}
		// Each client has no ticket at first.
		if want := uint64(queries - clients); tt.resumed && c.Resumed < want/2 || !tt.resumed && c.Resumed > 0 || c.Resumed > want {
			t.Errorf("%s, %s: %d of %d connections resumed: expected %t, of %d", tt.name, tt.Handshake, c.Resumed, queries, tt.resumed, want)
		}
		if tt.early && c.Early < c.Resumed/2 || !tt.early && c.Early > 0 || c.Early > c.Resumed {
			t.Errorf("%s, %s: 0-RTT accepted on %d of %d resumed connections: expected %t", tt.name, tt.Handshake, c.Early, c.Resumed, tt.early)
		}
	}
}

// A server that takes back what its tickets promised gets the query once more.
func TestEarlyRejected(t *testing.T) {
	if raceDetector {
		t.Skip("run by TestWithoutRaceDetector: quic-go has a data race")
	}
	var seen atomic.Int64
	config := quic.Config{}
	config.GetConfigForClient = func(*quic.ClientInfo) (*quic.Config, error) {
		return &quic.Config{Allow0RTT: seen.Add(1) <= 3}, nil
	}
	server := serveDoQ(t, config, usual)
	run := test{options: options(server.addr, load.DoQ), plan: limited(40)}
	run.options.Handshake, run.options.Depth, run.options.Clients = load.Early, 1, 1
	r := run.run(t)
	answered(t, r, 40)
	if r.Connections.Early > 2 || r.Connections.Opened != 40 {
		t.Errorf("%d connections, 0-RTT accepted on %d: expected 40, and no more than 2", r.Connections.Opened, r.Connections.Early)
	}
}
