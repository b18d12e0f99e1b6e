package query_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/reference"
	"yushan/internal/testzone"
	"yushan/server/query"
	"yushan/zone"
)

// pair is the engine and the reference engine with the same zones.
type pair struct {
	zones     []testzone.Zone
	overlaid  []testzone.Zone // go before them
	engine    *query.Engine
	worker    *query.Worker
	reference *reference.Engine
	buf       []byte

	maxUDPBytes int
}

// options are some that operators choose.
var options = []query.Options{
	{Identity: "ns1.test", Version: "yushan test"},
	{},
	{Identity: strings.Repeat("i", 255), MaxUDPBytes: 4096},
	{Version: `a "version" \ `, MaxUDPBytes: 512},
}

// newPair loads the zones in three ways; ways says which of them takes which.
// overlaid is the content of opts.Overlay.
func newPair(zones, overlaid []testzone.Zone, opts query.Options, ways int) (*pair, error) {
	p := &pair{zones: zones, overlaid: overlaid, worker: query.NewWorker(), buf: make([]byte, 65535)}
	content := map[string][]dns.RR{}
	var loaded []*zone.Zone
	for i, z := range zones {
		load := [...]func(testzone.Zone) (*zone.Zone, error){fromRecords, fromText, fromEdits}[(i+ways)%3]
		served, err := load(z)
		if err != nil {
			return nil, fmt.Errorf("%s was refused: %w\n%s", z.Origin, err, z.Unsigned())
		}
		content[z.Origin] = z.Records
		loaded = append(loaded, served)
	}
	p.maxUDPBytes = opts.MaxUDPBytes
	if p.maxUDPBytes == 0 {
		p.maxUDPBytes = query.DefaultMaxUDPBytes
	}
	p.engine = query.New(zone.NewSet(loaded...), opts)
	above := map[string][]dns.RR{}
	for _, z := range overlaid {
		above[z.Origin] = z.Records
	}
	p.reference = reference.New(content, reference.Options{
		MaxUDPBytes: opts.MaxUDPBytes, Identity: opts.Identity, Version: opts.Version, Overlay: above})
	return p, nil
}

// generated makes the pair of a seed. Every third one has an overlay.
func generated(seed uint64) (*pair, error) {
	plain, opts := testzone.Generate(seed), options[seed%uint64(len(options))]
	var overlaid []testzone.Zone
	if seed%3 == 1 {
		var err error
		if opts.Overlay, overlaid, err = overlayFor(seed, plain); err != nil {
			return nil, err
		}
	}
	zones, err := testzone.SignAll(context.Background(), plain)
	if err != nil {
		return nil, err
	}
	return newPair(zones, overlaid, opts, int(seed%3))
}

// queries are some that have to do with the pair's zones.
func (p *pair) queries(seed uint64) *testzone.Queries {
	return testzone.NewQueries(seed, slices.Concat(p.zones, p.overlaid))
}

const keepaliveUnits = 300

func (p *pair) ask(wire []byte, transport query.Transport) []byte {
	n := p.engine.Answer(p.worker, &query.Request{Wire: wire, Transport: transport, KeepaliveUnits: keepaliveUnits}, p.buf)
	return append([]byte(nil), p.buf[:n]...)
}

func (p *pair) expect(wire []byte, transport reference.Transport) *reference.Response {
	return p.reference.Answer(reference.Request{Wire: wire, Transport: transport, KeepaliveUnits: keepaliveUnits})
}

// compare asks both over all transports and returns what is different, "" if
// nothing is.
func (p *pair) compare(wire []byte) string {
	// Connections with a time-out to tell of, padded and not.
	expected := p.expect(wire, reference.DoT)
	stream, d := expected.Unpad(p.ask(wire, query.DoT))
	if d == "" {
		d = reference.Compare(expected, stream)
	}
	if d != "" {
		return "over TLS: " + d + p.describe(wire, expected)
	}
	if tcp := p.ask(wire, query.TCP); !bytes.Equal(tcp, stream) {
		return fmt.Sprintf("over TCP:\n% x\nexpected what TLS has without padding:\n% x\n", tcp, stream) + p.describe(wire, expected)
	}
	// The others.
	expected = p.expect(wire, reference.DoH)
	padded := p.ask(wire, query.DoH)
	if stream, d = expected.Unpad(padded); d == "" {
		d = reference.Compare(expected, stream)
	}
	if d != "" {
		return "over HTTPS: " + d + p.describe(wire, expected)
	}
	if quic := p.ask(wire, query.DoQ); !bytes.Equal(quic, padded) {
		return fmt.Sprintf("over QUIC:\n% x\nexpected the same as over HTTPS:\n% x\n", quic, padded) + p.describe(wire, expected)
	}
	if d := reference.CompareUDP(expected, stream, p.ask(wire, query.UDP)); d != "" {
		return "over UDP: " + d + p.describe(wire, expected)
	}
	return ""
}

// describe shows a query, and the zone that it was answered from.
func (p *pair) describe(wire []byte, expected *reference.Response) string {
	var m dns.Msg
	text := fmt.Sprintf("query: % x\n", wire)
	if m.Unpack(wire) == nil {
		text += m.String()
	}
	for _, z := range slices.Concat(p.zones, p.overlaid) {
		if expected != nil && dns.CanonicalName(z.Origin) == expected.Origin {
			text += z.Unsigned().String()
		}
	}
	return text
}

// The engine gives the same answers as the reference engine, which knows
// nothing of how the engine works, to many queries to many small zones.
// YUSHAN_DIFFERENTIAL_SEEDS=from-to asks for other zones than the first few.
func TestDifferential(t *testing.T) {
	from, to := uint64(0), uint64(250)
	budget := 20 * time.Second
	if testing.Short() {
		budget = 2 * time.Second
	}
	if text, ok := os.LookupEnv("YUSHAN_DIFFERENTIAL_SEEDS"); ok {
		first, last, _ := strings.Cut(text, "-")
		var err1, err2 error
		from, err1 = strconv.ParseUint(first, 10, 64)
		to, err2 = strconv.ParseUint(last, 10, 64)
		if err1 != nil || err2 != nil {
			t.Fatalf("YUSHAN_DIFFERENTIAL_SEEDS is %q: expected two numbers", text)
		}
		budget = time.Hour
	}
	deadline := time.Now().Add(budget)
	asked, failed := 0, 0
	for seed := from; seed < to; seed++ {
		// A slow machine compares fewer zones; a few it always does.
		if seed >= from+20 && time.Now().After(deadline) {
			t.Logf("stopped before seed %d", seed)
			break
		}
		p, err := generated(seed)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		queries := p.queries(seed)
		for i := range 200 {
			asked++
			if d := p.compare(queries.Next()); d != "" {
				t.Errorf("seed %d, query %d:\n%s", seed, i, d)
				if failed++; failed == 5 {
					t.FailNow()
				}
				break
			}
		}
	}
	t.Logf("%d queries compared", asked)
}

// pairs keeps the zones of seeds that a fuzzer asks for again and again.
var pairs struct {
	sync.Mutex
	bySeed map[uint64]*pair
}

func fuzzPair(t *testing.T, seed uint64) *pair {
	pairs.Lock()
	defer pairs.Unlock()
	if p := pairs.bySeed[seed]; p != nil {
		return p
	}
	p, err := generated(seed)
	if err != nil {
		t.Fatal(err)
	}
	if pairs.bySeed == nil || len(pairs.bySeed) > 256 {
		pairs.bySeed = map[uint64]*pair{}
	}
	pairs.bySeed[seed] = p
	return p
}

// FuzzDifferential compares the engines on queries that a fuzzer wrote byte by
// byte, after a generated one.
func FuzzDifferential(f *testing.F) {
	for seed := range uint64(16) {
		queries := testzone.NewQueries(seed, testzone.Generate(seed))
		for range 8 {
			f.Add(uint16(seed), queries.Next())
		}
	}
	f.Fuzz(func(t *testing.T, seed uint16, wire []byte) {
		if len(wire) > 4096 {
			return
		}
		if d := fuzzPair(t, uint64(seed)).compare(wire); d != "" {
			t.Error(d)
		}
	})
}

// FuzzPacket throws bytes at the engine: it answers with a message or not at
// all, never more than the transport and the client allow.
func FuzzPacket(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	queries := testzone.NewQueries(3, testzone.Generate(3))
	for range 64 {
		wire := queries.Next()
		f.Add(wire)
		f.Add(testzone.Mutate(r, wire))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, wire []byte) {
		checkPacket(t, fuzzPair(t, 3), wire)
	})
}

// TestMutants is FuzzPacket with mutants of good queries, some in every run of
// the tests.
func TestMutants(t *testing.T) {
	for seed := range uint64(20) {
		p, err := generated(seed)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, 3))
		queries := p.queries(seed)
		for range 500 {
			checkPacket(t, p, testzone.Mutate(r, queries.Next()))
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func checkPacket(t *testing.T, p *pair, wire []byte) {
	t.Helper()
	before := string(wire)
	for _, transport := range []query.Transport{query.UDP, query.TCP, query.DoT, query.DoH, query.DoQ} {
		got := p.ask(wire, transport)
		if string(wire) != before {
			t.Fatalf("%v: the query was changed", transport)
		}
		if len(got) == 0 {
			if len(wire) >= 12 && wire[2]&0x80 == 0 {
				t.Errorf("%v: no answer to a query: % x", transport, wire)
			}
			continue
		}
		if len(wire) < 12 || wire[2]&0x80 != 0 {
			t.Fatalf("%v: expected no answer to % x, got % x", transport, wire, got)
		}
		var m dns.Msg
		if err := m.Unpack(got); err != nil {
			t.Fatalf("%v: the answer to % x can't be read: %v\n% x", transport, wire, err, got)
		}
		if m.Id != binary.BigEndian.Uint16(wire) || !m.Response || m.RecursionAvailable || m.AuthenticatedData || m.CheckingDisabled || m.Zero {
			t.Errorf("%v: wrong header in the answer to % x: %v", transport, wire, m.MsgHdr)
		}
		if m.RecursionDesired != (wire[2]&1 != 0) || m.Opcode != int(wire[2]>>3&15) {
			t.Errorf("%v: RD or opcode isn't that of the query % x: %v", transport, wire, m.MsgHdr)
		}
		if transport != query.UDP {
			if m.Truncated {
				t.Errorf("%v: truncated: %v", transport, &m)
			}
			continue
		}
		limit := 512
		var sent dns.Msg
		if sent.Unpack(wire) == nil && sent.IsEdns0() != nil {
			limit = min(p.maxUDPBytes, max(512, int(sent.IsEdns0().UDPSize())))
		} else if m.IsEdns0() != nil {
			limit = p.maxUDPBytes
		}
		if len(got) > limit {
			t.Errorf("an answer of %d bytes by UDP, %d allowed, to % x", len(got), limit, wire)
		}
		// RFC 2181 §9: what is truncated says nothing, so it is no larger than the
		// question and the OPT record.
		if m.Truncated && (len(m.Answer)+len(m.Ns) > 0 || len(got) > len(wire)+100+len(options[2].Identity)) {
			t.Errorf("a truncated answer of %d bytes to a query of %d: %v", len(got), len(wire), &m)
		}
	}
}
