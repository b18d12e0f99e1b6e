package server

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"yushan/server/config"
	"yushan/zone"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// zoneServer is a server of one zone, which is reloaded by difference however small it is.
type zoneServer struct {
	t *testing.T
	*Server
	cfg  *config.Config
	dir  string
	age  time.Duration // of the last file that was written
	logs *observer.ObservedLogs
}

func startZone(t *testing.T, text string) *zoneServer {
	t.Helper()
	s := &zoneServer{t: t, dir: t.TempDir(), age: 24 * time.Hour}
	s.write("tw.zone", text)
	s.start("")
	return s
}

// start starts a server of the zone's file as it is.
func (s *zoneServer) start(storage string) {
	t := s.t
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	s.logs, s.cfg = logs, config.Default()
	s.cfg.Storage = storage
	s.cfg.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	if err := s.cfg.AddZone("tw=" + filepath.Join(s.dir, "tw.zone")); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.Server, err = Start(t.Context(), s.cfg, Options{Log: zap.New(core)}); err != nil {
		t.Fatal(err)
	}
	s.differenceFrom = 1
	t.Cleanup(s.stop)
}

// stop stops the server, if it hasn't been stopped.
func (s *zoneServer) stop() {
	if s.Server != nil {
		s.Shutdown(context.Background())
		s.Server = nil
	}
}

// write writes a file that was last changed some time ago, and later than those
// that were written before.
func (s *zoneServer) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.age -= time.Second
	when := time.Now().Add(-s.age)
	if err := os.Chtimes(path, when, when); err != nil {
		s.t.Fatal(err)
	}
}

// reload reloads, and returns what was logged meanwhile.
func (s *zoneServer) reload() []observer.LoggedEntry {
	s.t.Helper()
	s.logs.TakeAll()
	if err := s.Reload(s.t.Context(), s.cfg); err != nil {
		s.t.Fatal(err)
	}
	return s.logs.TakeAll()
}

// zone returns what is in service.
func (s *zoneServer) zone() *zone.Zone { return s.engine.Load().Zones().Zones()[0] }

// logged returns the entry whose message begins so, and complains if there is none.
func (s *zoneServer) logged(entries []observer.LoggedEntry, message string) map[string]any {
	s.t.Helper()
	for _, e := range entries {
		if strings.HasPrefix(e.Message, message) {
			return e.ContextMap()
		}
	}
	s.t.Errorf("%q was not logged, but %v", message, entries)
	return nil
}

func (s *zoneServer) has(name string, rrtype uint16, want bool) {
	s.t.Helper()
	z := s.zone()
	m := z.Find(dname.AppendKey(nil, wireName(name), len(z.Origin())))
	got := false
	if m.Kind == zone.Exact {
		_, got = z.RRset(m.Node, rrtype)
	}
	if got != want {
		s.t.Errorf("%s type %d is there: %v, expected %v", name, rrtype, got, want)
	}
}

func registryText(serial, cuts int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$ORIGIN tw.\n$TTL 3600\n@ SOA a.dns hostmaster %d 7200 900 1209600 300\n@ NS a.dns\na.dns A 192.0.2.1\n", serial)
	for i := range cuts {
		fmt.Fprintf(&b, "d%d NS ns1.d%d\nns1.d%d A 192.0.2.%d\nd%d NS ns%d.example.com.\n", i, i, i, i%256, i, i%7)
	}
	return b.String()
}

func TestReloadByDifference(t *testing.T) {
	s := startZone(t, registryText(1, 300))
	first := s.zone()

	if log := s.reload(); s.zone() != first {
		t.Error("the zone is another one, though its file has not changed:", log)
	}

	s.write("tw.zone", registryText(1, 300))
	log := s.reload()
	s.logged(log, "zone unchanged: its files were read again")
	if got := s.logged(log, "reloaded")["unchanged"]; got != int64(1) || s.zone() != first {
		t.Errorf("a file that says the same: %v zones unchanged, expected 1", got)
	}

	s.write("tw.zone", registryText(2, 300)+"www A 192.0.2.2\n")
	if got := s.logged(s.reload(), "zone changed"); got["added"] != int64(2) || got["removed"] != int64(1) || got["serial"] != uint32(2) {
		t.Errorf("logged %v, expected 2 records added and 1 removed", got)
	}
	s.has("www.tw.", zone.TypeA, true)
	if n := s.zone().Stats().Bytes - first.Stats().Bytes; n > 20_000 {
		t.Errorf("a record more takes %d bytes more: nothing is shared", n)
	}

	before := s.zone()
	s.write("tw.zone", registryText(3, 300)+"www A 192.0.2.300\n")
	s.logged(s.reload(), "zone KEEPS ITS OLD VERSION")
	if s.zone() != before {
		t.Error("a file with a mistake has changed the zone")
	}
	s.write("tw.zone", registryText(3, 300)+"@ CNAME www\n")
	s.logged(s.reload(), "zone KEEPS ITS OLD VERSION")
	os.Rename(filepath.Join(s.dir, "tw.zone"), filepath.Join(s.dir, "away"))
	s.logged(s.reload(), "zone KEEPS ITS OLD VERSION")
	if s.zone() != before || before.Serial() != 2 {
		t.Error("files with mistakes have changed the zone")
	}

	s.write("tw.zone", "$INCLUDE more\n"+registryText(4, 300))
	s.write("more", "$ORIGIN tw.\n$TTL 3600\nincluded A 192.0.2.3\n")
	if got := s.logged(s.reload(), "zone changed"); got["added"] != int64(2) || got["removed"] != int64(2) {
		t.Errorf("logged %v, expected 2 records added and 2 removed", got)
	}
	s.has("www.tw.", zone.TypeA, false)
	s.has("included.tw.", zone.TypeA, true)
	s.write("more", "$ORIGIN tw.\n$TTL 3600\nincluded AAAA 2001:db8::3\n")
	s.logged(s.reload(), "zone changed")
	s.has("included.tw.", zone.TypeAAAA, true)
	s.has("included.tw.", zone.TypeA, false)

	s.write("tw.zone", registryText(5, 20))
	s.logged(s.reload(), "zone loaded") // too much has changed
	if got := s.zone().Stats().Cuts; got != 20 {
		t.Errorf("%d delegations, expected 20", got)
	}
}

// Memory does not grow with the number of reloads or edits, as long as the zone doesn't.
func TestManyChanges(t *testing.T) {
	s := startZone(t, registryText(1, 2000))
	most := s.zone().Stats().Bytes * 13 / 10
	check := func(what string, i int) {
		t.Helper()
		if n := s.zone().Stats().Bytes; n > most {
			t.Fatalf("%s %d: the zone has %d bytes, expected less than %d", what, i, n, most)
		}
	}
	for i := range 30 {
		text := strings.Replace(registryText(2+i, 2000), fmt.Sprintf("ns1.d%d A 192", 10*i), fmt.Sprintf("ns1.d%d A 193", 10*i), 1)
		s.write("tw.zone", text)
		s.logged(s.reload(), "zone changed")
		check("reload", i)
	}
	for i := range 100 {
		_, err := s.Edit(wireName("tw."), func(e *zone.Edit) {
			for n := range 15 {
				server := wireName(fmt.Sprintf("ns1.d%d.tw.", (15*i+n)%2000))
				e.RemoveRRset(server, zone.TypeA)
				e.Add(master.Record{Owner: server, Type: zone.TypeA, TTL: 3600, RDATA: []byte{192, 0, 3, byte(i)}})
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		check("edit", i)
	}
	// The file has the last word.
	s.logged(s.reload(), "zone loaded") // three in four delegations have changed
	z := s.zone()
	if s := z.Stats(); s.Cuts != 2000 || s.Glue != 2000 {
		t.Errorf("after all that: %+v", s)
	}
}

func TestEditOfAServer(t *testing.T) {
	s := startZone(t, registryText(1, 10))
	www := master.Record{Owner: wireName("www.tw."), Type: zone.TypeA, TTL: 60, RDATA: []byte{192, 0, 2, 9}}
	if report, err := s.Edit(wireName("tw."), func(e *zone.Edit) { e.Add(www) }); err != nil || !report.OK() {
		t.Fatal(err, report)
	}
	s.has("www.tw.", zone.TypeA, true)
	before := s.zone()
	report, err := s.Edit(wireName("tw."), func(e *zone.Edit) { e.RemoveRRset(wireName("tw."), zone.TypeSOA) })
	if err == nil || report.OK() || s.zone() != before {
		t.Errorf("without a SOA record it is still served: %v, %v", err, report)
	}
	if _, err := s.Edit(wireName("example."), func(*zone.Edit) {}); err == nil {
		t.Error("a zone that is not there was edited")
	}
	s.reload()
	s.has("www.tw.", zone.TypeA, false)
}

// A file that cannot be served is tried again at each reload: that leaves no more
// behind than changes do.
func TestMemoryOfFailedReloads(t *testing.T) {
	s := startZone(t, registryText(1, 1000))
	least := s.zone().Stats().Bytes
	var broken strings.Builder
	broken.WriteString(registryText(1, 1000))
	for i := range 200 {
		fmt.Fprintf(&broken, "new%d TXT \"%s\"\n", i, strings.Repeat("x", 200))
	}
	broken.WriteString("broken CNAME a.dns\nbroken A 192.0.2.1\n")
	for range 20 {
		s.write("tw.zone", broken.String())
		s.logged(s.reload(), "zone KEEPS ITS OLD VERSION")
		if now := s.zone().Stats().Bytes; now > least*3/2 {
			t.Fatalf("the zone takes %d bytes, at the start %d", now, least)
		}
	}
	s.has("a.dns.tw.", zone.TypeA, true)
	s.has("new1.tw.", zone.TypeTXT, false)
	s.write("tw.zone", registryText(2, 1000))
	s.logged(s.reload(), "zone changed")
}
