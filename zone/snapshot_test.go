package zone

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"yushan/internal/testzone"
	"yushan/zone/dname"
)

// moved returns a snapshot in memory of its own, as it comes from a file.
func moved(s Snapshot) Snapshot {
	s.Origin, s.Facts = bytes.Clone(s.Origin), bytes.Clone(s.Facts)
	for _, chunks := range []*[][]byte{&s.Data, &s.Trees} {
		*chunks = slices.Clone(*chunks)
		for i := range *chunks {
			(*chunks)[i] = bytes.Clone((*chunks)[i])
		}
	}
	return s
}

func restored(t testing.TB, z *Zone) *Zone {
	t.Helper()
	again, err := RestoreVerified(t.Context(), moved(z.Snapshot()))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// A zone, what edits make of it, and what edits make of the restored one: all
// come to the same from their snapshots.
func TestSnapshot(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		zones, err := testzone.SignAll(context.Background(), testzone.Generate(seed))
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, 2))
		for _, generated := range zones {
			z, report := FromRecords(wire(generated.Origin), generated.Records)
			if z == nil {
				t.Fatal(report.Findings)
			}
			for step := range 4 {
				again := restored(t, z)
				if d := differ(again, z); d != "" {
					t.Fatalf("zone %d, %s, after %d edits: %s", seed, generated.Origin, step, d)
				}
				if a, b := again.Stats(), z.Stats(); a != b {
					t.Fatalf("stats %+v, expected %+v", a, b)
				}
				m := model(content(z))
				e := again.Edit()
				randomEdit(r, e, &m, toMaster(generated.Records))
				got, _ := e.Commit()
				want, _ := fromScratch(z.origin, m)
				if (got == nil) != (want == nil) {
					t.Fatalf("zone %d: after an edit there is a zone: %v, expected %v", seed, got != nil, want != nil)
				}
				if got == nil {
					continue
				}
				if d := differ(got, want); d != "" {
					t.Fatalf("zone %d: an edit of a restored zone: %s", seed, d)
				}
				z = got
			}
		}
	}
}

// Delegations that come after a restart find the referrals of those before.
func TestSnapshotKeepsThePool(t *testing.T) {
	base := build(t, "tw.", editBase)
	z, _ := edit(t, base, "tw.", "+ x1 3600 NS ns.other.com.\n+ x2 3600 NS ns.other.com.").Commit()
	z, _ = edit(t, restored(t, z), "tw.", "+ x3 3600 NS ns.other.com.").Commit()
	z = restored(t, restored(t, z)) // nobody has searched the pool of the first
	z, _ = edit(t, z, "tw.", "+ x4 3600 NS ns.other.com.").Commit()
	first, _ := z.names.Get(keyIn(z, "x1.tw."))
	for _, name := range []string{"x3.tw.", "x4.tw."} {
		if value, ok := z.names.Get(keyIn(z, name)); !ok || value != first {
			t.Errorf("%s has a referral of its own", name)
		}
	}
}

// While a snapshot is in use, new versions are made.
func TestSnapshotStays(t *testing.T) {
	z := build(t, "tw.", editBase)
	s := z.Snapshot()
	before := moved(s)
	current := z
	for i := range 200 {
		next, report := edit(t, current, "tw.", fmt.Sprintf("+ y%d 3600 NS ns.y%d\n+ ns.y%d 60 A 192.0.2.1", i, i, i)).Commit()
		if next == nil {
			t.Fatal(report.Findings)
		}
		current = next
	}
	if !reflect.DeepEqual(before, moved(s)) {
		t.Error("edits have changed a snapshot")
	}
	again, err := RestoreVerified(t.Context(), moved(s))
	if err != nil {
		t.Fatal(err)
	}
	if d := differ(again, z); d != "" {
		t.Error(d)
	}
	if d := differ(restored(t, current), current); d != "" {
		t.Error(d)
	}
}

// The apex may redirect all below it: so one variant of a name follows another.
func TestSnapshotOfRedirectedApex(t *testing.T) {
	z := build(t, "tw.", "tw. 300 SOA a.nic. b.nic. 1 2 3 4 5\ntw. 300 NS a.nic.\ntw. 300 DNAME example.\n")
	if d := differ(restored(t, z), z); d != "" {
		t.Error(d)
	}
	again, err := Restore(moved(z.Snapshot()))
	if err != nil {
		t.Fatal(err)
	}
	if m := again.Find(keyIn(again, "www.tw.")); m.Kind != Redirect || m.Len != 0 {
		t.Errorf("www.tw is found as %+v, expected a redirection by the apex", m)
	}
}

// While a zone is verified later versions put their referrals into the pool.
func TestVerifyBesideEdits(t *testing.T) {
	z := restored(t, build(t, "tw.", editBase))
	for _, line := range []string{"+ x1 3600 NS ns.other.com.", "+ x2 3600 NS ns.another.com."} {
		if next, report := edit(t, z, "tw.", line).Commit(); next == nil {
			t.Fatal(report.Findings)
		}
		if err := z.Verify(t.Context()); err != nil {
			t.Errorf("after %q: %v", line, err)
		}
	}
}

// TestSnapshotHasAllOfAZone fails when a zone gets a field that snapshots don't know.
func TestSnapshotHasAllOfAZone(t *testing.T) {
	// stored, or made of what is stored
	known := strings.Fields("origin names occluded nsec3 siblings store trees data live pool apex soa serial negative " +
		"optOuts wildcards iterations salt apexNSEC3 apexProven apexWildcard3 stats " +
		"naming") // made when an edit needs it
	zone := reflect.TypeFor[Zone]()
	var fields []string
	for i := range zone.NumField() {
		fields = append(fields, zone.Field(i).Name)
	}
	slices.Sort(known)
	slices.Sort(fields)
	if !slices.Equal(fields, known) {
		t.Errorf("a zone has the fields %v; Restore knows of %v", fields, known)
	}
}

var update = flag.Bool("update", false, "write testdata/layout.snapshots anew")

// TestSnapshotLayout restores zones that were kept when SnapshotLayout was raised
// last. When they no longer are what is built of their records today, zones lie in
// memory in another way: raise SnapshotLayout, and run this test with -update.
func TestSnapshotLayout(t *testing.T) {
	path := filepath.Join("testdata", "layout.snapshots")
	if *update {
		var zones []testzone.Zone
		for seed := range uint64(4) {
			zones = append(zones, testzone.Generate(seed)...)
		}
		zones, err := testzone.SignAll(t.Context(), zones)
		if err != nil {
			t.Fatal(err)
		}
		out := binary.LittleEndian.AppendUint32(nil, SnapshotLayout)
		for _, generated := range zones {
			z, report := FromRecords(wire(generated.Origin), generated.Records)
			if z == nil {
				t.Fatal(report.Findings)
			}
			s := z.Snapshot()
			out = binary.LittleEndian.AppendUint32(out, s.Serial)
			for _, b := range [][]byte{s.Origin, s.Facts, slices.Concat(s.Data...), slices.Concat(s.Trees...)} {
				out = append(binary.LittleEndian.AppendUint32(out, uint32(len(b))), b...)
			}
			for _, chunks := range [][][]byte{s.Data, s.Trees} {
				out = append(out, byte(len(chunks)))
				for _, chunk := range chunks {
					out = binary.LittleEndian.AppendUint32(out, uint32(len(chunk)))
				}
			}
		}
		if err := os.WriteFile(path, out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	take := func(n uint32) []byte {
		b := in[:n:n]
		in = in[n:]
		return b
	}
	number := func() uint32 { return binary.LittleEndian.Uint32(take(4)) }
	if layout := number(); layout != SnapshotLayout {
		t.Fatalf("zones of layout %d are kept, those of today have %d: run this test with -update", layout, SnapshotLayout)
	}
	signed := map[Denial]int{}
	for len(in) > 0 {
		s := Snapshot{Serial: number(), Origin: take(number()), Facts: take(number())}
		whole := [2][]byte{take(number()), take(number())}
		for i, chunks := range []*[][]byte{&s.Data, &s.Trees} {
			for range take(1)[0] {
				n := number()
				*chunks = append(*chunks, whole[i][:n:n])
				whole[i] = whole[i][n:]
			}
		}
		z, err := RestoreVerified(t.Context(), s)
		if err != nil {
			t.Fatalf("%s: %v", dname.Display(s.Origin), err)
		}
		now, report := fromScratch(z.origin, content(z))
		if now == nil {
			t.Fatal(report.Findings)
		}
		if d := differ(z, now); d != "" {
			t.Fatal(d)
		}
		signed[z.Denial()]++
	}
	if signed[NSEC] == 0 || signed[NSEC3] == 0 {
		t.Errorf("the zones that are kept are signed by %v: some should be by NSEC, some by NSEC3", signed)
	}
}

func TestRestoreRefuses(t *testing.T) {
	good := build(t, "tw.", editBase).Snapshot()
	for what, damage := range map[string]func(*Snapshot){
		"no facts":          func(s *Snapshot) { s.Facts = nil },
		"short facts":       func(s *Snapshot) { s.Facts = s.Facts[:40] },
		"odd facts":         func(s *Snapshot) { s.Facts = append(s.Facts, 0) },
		"no origin":         func(s *Snapshot) { s.Origin = nil },
		"capital origin":    func(s *Snapshot) { s.Origin[1] = 'T' },
		"other serial":      func(s *Snapshot) { s.Serial++ },
		"no data":           func(s *Snapshot) { s.Data = nil },
		"no trees":          func(s *Snapshot) { s.Trees = nil },
		"pool elsewhere":    func(s *Snapshot) { s.Facts = binary.LittleEndian.AppendUint32(s.Facts, 1<<31) },
		"empty chunk":       func(s *Snapshot) { s.Data[0] = nil },
		"odd chunk":         func(s *Snapshot) { s.Trees[0] = s.Trees[0][:5] },
		"data of zeros":     func(s *Snapshot) { clear(s.Data[0]) },
		"trees of zeros":    func(s *Snapshot) { clear(s.Trees[0]) },
		"data of ones":      func(s *Snapshot) { fill(s.Data[0]) },
		"trees of ones":     func(s *Snapshot) { fill(s.Trees[0]) },
		"root elsewhere":    func(s *Snapshot) { fill(s.Facts[:4]) },
		"data for trees":    func(s *Snapshot) { s.Data, s.Trees = s.Trees, s.Data },
		"half of the trees": func(s *Snapshot) { s.Trees[0] = s.Trees[0][:len(s.Trees[0])/8*4] },
	} {
		s := moved(good)
		damage(&s)
		if z, err := RestoreVerified(t.Context(), s); err == nil || z != nil {
			t.Errorf("%s: there is a zone, expected an error", what)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := loadText(t, registry(5000)).Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled verification says %v", err)
	}
}

func fill(b []byte) {
	for i := range b {
		b[i] = 0xff
	}
}

// FuzzRestore changes bytes of snapshots. What is taken for a zone must be one:
// nothing that is done with it may panic, or never end.
func FuzzRestore(f *testing.F) {
	seeds(f)
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		data := make([]byte, 600)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		src := source{data}
		changes := make([]byte, 0, 4*16)
		for n := 1 + src.byte()%16; n > 0; n-- {
			changes = append(changes, src.byte(), src.byte(), src.byte(), src.byte())
		}
		records := apexRecords()
		for n := src.byte() % 64; len(src.data) > 0 && n > 0; n-- {
			records = append(records, src.record())
		}
		z, _ := fromScratch(wire("tw."), records)
		if z == nil {
			z, _ = fromScratch(wire("tw."), apexRecords())
		}
		s := moved(z.Snapshot())
		for ; len(changes) > 0; changes = changes[4:] {
			part := [][]byte{s.Facts, s.Data[0], s.Trees[0], s.Data[0]}[changes[0]%4]
			at := int(binary.LittleEndian.Uint16(changes[1:])) % len(part)
			if changes[0]&64 != 0 {
				part[at] ^= 1 << (changes[3] % 8)
			} else {
				part[at] = changes[3]
			}
		}
		got, err := RestoreVerified(context.Background(), s)
		if err != nil {
			return
		}
		use(got)
	})
}

// use does all that is done with a zone.
func use(z *Zone) {
	var buf [dname.MaxKey + 2]byte
	e := z.Edit()
	for _, r := range content(z) {
		key := dname.AppendKey(nil, r.Owner, len(z.origin))
		m := z.Find(key)
		if !m.Node.IsZero() {
			z.AnyRRset(m.Node)
			if m.Kind == Cut {
				z.Referral(m.Node).TTL()
			}
		}
		z.Wildcard(key, buf[:0])
		z.NSEC(key, buf[:0])
		z.NSEC3(z.Hash(r.Owner))
		z.Addresses(key)
		r.TTL++
		e.Add(r)
	}
	z.Stats()
	e.Commit()
}
