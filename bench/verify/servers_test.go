package verify

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/bench/query"
	"yushan/internal/peer"
)

// run is how questions are asked.
type run struct {
	name    string
	tcp     bool
	options query.Options
}

var runs = []run{
	{"plain UDP", false, query.Options{}},
	{"plain TCP", true, query.Options{RD: true}},
	{"DO by UDP", false, query.Options{DO: true, RD: true}},
	{"DO by TCP", true, query.Options{DO: true}},
	{"all options by UDP", false, query.Options{UDPBytes: 4096, NSID: true, Cookie: true}},
	{"all options by TCP", true, query.Options{DO: true, NSID: true, Cookie: true, Padding: true, Keepalive: true}},
}

// No server of those that are trusted gets an alarm, in any way of asking. Then each
// kind of damage to an answer is found.
func TestServers(t *testing.T) {
	s := serveFeatures(t)
	asked := questions(rand.New(rand.NewPCG(5, 1)), s.zones)
	var text strings.Builder
	for _, q := range asked {
		fmt.Fprintf(&text, "%s %s\n", q.Name, dns.Type(q.Qtype))
	}
	servers := map[string]netip.AddrPort{"yushan": startYushan(t, s)}
	for _, kind := range peer.Kinds {
		servers[kind.String()] = peer.Start(t, kind, s.files...).Addr
	}
	for _, run := range runs {
		set, err := query.ReadText(strings.NewReader(text.String()), "questions", run.options)
		if err != nil {
			t.Fatal(err)
		}
		for server, addr := range servers {
			t.Run(run.name+" of "+server, func(t *testing.T) {
				queries := make([]peer.Query, set.Len())
				for i := range queries {
					wire := make([]byte, 512)
					queries[i] = peer.Query{Wire: wire[:set.Put(wire, uint32(i), 0, 0, nil)], TCP: run.tcp}
				}
				replies := peer.Ask(t.Context(), addr, queries)
				expectRight(t, s, run, set, replies, func(i int) bool { return server == "nsd" && belowDNAME(asked[i]) })
				if server == "yushan" && run.options.UDPBytes == 0 && !run.options.Padding {
					t.Run("damaged", func(t *testing.T) { testDamage(t, s, run.tcp, queries, replies) })
				}
			})
		}
	}
}

// belowDNAME tells whether a question leads to a name that doesn't exist by way of a
// DNAME. nsd 4.6 forgets the proof then, which is a fault that is found.
func belowDNAME(q dns.Question) bool {
	return strings.Contains(strings.ToLower(q.Name), ".dname")
}

// expectRight verifies answers, without those that are known to be wrong.
func expectRight(t *testing.T, s served, run run, set *query.Set, replies []peer.Reply, faulty func(i int) bool) {
	t.Helper()
	faults := 0
	pool := New(s.read, Options{Stream: run.tcp, DNSSEC: true, Workers: 1}, set)
	for i, reply := range replies {
		if reply.Err != nil {
			t.Fatal(reply.Err)
		}
		if faulty(i) {
			faults++
			continue
		}
		pool.Submit(uint32(i), 0, reply.Wire)
	}
	v := pool.Close()
	if v.Answers != uint64(len(replies)-faults) || v.Wrong != 0 || v.Skipped != 0 {
		t.Errorf("%d answers verified, %d wrong, %d skipped; expected %d, and all of them right", v.Answers, v.Wrong, v.Skipped, len(replies)-faults)
	}
	for _, reason := range v.Reasons {
		t.Errorf("%s, %d times:\n%s", reason.Rule, reason.Count, strings.Join(reason.Examples, "\n"))
	}
}

func startYushan(t *testing.T, s served) netip.AddrPort {
	t.Helper()
	program, err := peer.BuildYushan(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	addr := peer.FreeAddr(t)
	config := fmt.Sprintf("listen: %q\nzones:\n", addr)
	for _, f := range s.files {
		config += fmt.Sprintf("  - {name: %q, file: %q}\n", f.Origin, f.File)
	}
	peer.StartYushan(t, program, t.TempDir(), config)
	return addr
}

// newJudge judges answers of a server that has the zones, with signatures.
func newJudge(s served, stream bool) *judge {
	j := &judge{zones: newZones(s.read), stream: stream, enough: new(wanted)}
	j.keys = &verifier{cache: newCache(j.zones)}
	return j
}

// broken are the rules that an answer breaks.
func (j *judge) broken(query, answer []byte) (found map[rule]string) {
	found = map[rule]string{}
	j.check(query, answer, time.Now())
	for _, p := range j.problems {
		found[p.rule] = p.text
	}
	return found
}
