package zone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"yushan/internal/testzone"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// compareWith reads records against base, by several goroutines, in batches.
func compareWith(base *Zone, records []master.Record, goroutines int) (*Zone, *Report, Changes, bool) {
	d := newDifference(base, 1<<30, func() { panic("too much has changed") })
	var readers sync.WaitGroup
	batches := make(chan []master.Record)
	for range goroutines {
		readers.Go(func() {
			for b := range batches {
				// What the batch lies in is overwritten when it is taken.
				kept := make([]master.Record, len(b))
				for i := range b {
					kept[i] = keep(b[i])
				}
				d.addBatch(&master.Batch{Records: kept})
				for i := range kept {
					clear(kept[i].Owner)
					clear(kept[i].RDATA)
				}
			}
		})
	}
	for b := range slices.Chunk(records, 7) {
		batches <- b
	}
	close(batches)
	readers.Wait()
	return d.commit(nil)
}

// disturb changes records as files of a zone may: it leaves the zone's content
// alone unless some come, go or get another TTL.
func disturb(r *rand.Rand, records, strangers []master.Record) (out []master.Record) {
	out = slices.Clone(records)
	if r.IntN(2) == 0 {
		for range r.IntN(6) { // they go, at random, or an RRset, or a name, or the end of the zone
			if len(out) == 0 {
				break
			}
			gone := out[r.IntN(len(out))]
			scope := r.IntN(4)
			out = slices.DeleteFunc(out, func(x master.Record) bool {
				if x.Type == TypeSOA {
					return false
				}
				switch scope {
				case 0:
					return identical(x, gone)
				case 1:
					return dname.Equal(x.Owner, gone.Owner) && x.Type == gone.Type
				case 2:
					return dname.Equal(x.Owner, gone.Owner)
				}
				return dname.IsSubdomain(x.Owner, gone.Owner) && len(gone.Owner) > 30
			})
		}
	}
	if r.IntN(2) == 0 {
		for range r.IntN(6) { // they come
			if x := strangers[r.IntN(len(strangers))]; x.Type != TypeSOA {
				out = append(out, x)
			}
		}
	}
	if r.IntN(2) == 0 { // they come twice, with other TTLs, in other letters
		for range r.IntN(10) {
			i := r.IntN(len(out))
			x := keep(out[i])
			if r.IntN(2) == 0 {
				x.TTL = uint32(r.IntN(4))
			}
			if r.IntN(2) == 0 {
				x.Owner = shout(r, x.Owner)
			}
			if names := namesOf(x.Type); names.count > 0 && r.IntN(2) == 0 && x.Type != TypeSOA {
				n, _ := dname.Check(x.RDATA[names.skip:])
				copy(x.RDATA[names.skip:], shout(r, x.RDATA[names.skip:int(names.skip)+n]))
			}
			if r.IntN(2) == 0 {
				out[i] = x
			} else {
				out = append(out, x)
			}
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// shout writes some letters of a name in upper case.
func shout(r *rand.Rand, name []byte) []byte {
	name = bytes.Clone(name)
	for at := 0; name[at] != 0; at += 1 + int(name[at]) {
		for i := at + 1; i <= at+int(name[at]); i++ {
			if c := name[i]; 'a' <= c && c <= 'z' && r.IntN(2) == 0 {
				name[i] -= 'a' - 'A'
			}
		}
	}
	return name
}

// What comes of reading records against a zone is what comes of building them.
func TestDifferenceEqualsBuild(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 15
	}
	committed, shared := 0, 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			zones, err := testzone.SignAll(context.Background(), testzone.Generate(seed))
			if err != nil {
				t.Fatal(err)
			}
			strangers := toMaster(zones[0].Records)
			for s := seed + 1; s < seed+40; s++ {
				for _, other := range testzone.Generate(s) {
					if other.Origin == zones[0].Origin {
						strangers = append(strangers, toMaster(other.Records)...)
					}
				}
			}
			records := toMaster(zones[0].Records)
			current, report := fromScratch(wire(zones[0].Origin), records)
			if current == nil {
				t.Fatal(report.Findings)
			}
			for step := range 12 {
				next := disturb(r, records, strangers)
				before := content(current)
				got, report, changes, possible := compareWith(current, next, 1+r.IntN(4))
				want, wantReport := fromScratch(current.origin, next)
				complain := func(format string, args ...any) {
					t.Helper()
					t.Fatalf("step %d: %s\nread:\n%s\nagainst:\n%s", step, fmt.Sprintf(format, args...), text(next), text(before))
				}
				if after := content(current); !slices.EqualFunc(after, before, identical) {
					complain("the base has changed into:\n%s", text(after))
				}
				if !possible {
					continue // other parameters of NSEC3
				}
				if (got == nil) != (want == nil) {
					complain("the difference says %v, the build %v", report.Findings, wantReport.Findings)
				}
				if got == nil {
					continue
				}
				if d := differ(got, want); d != "" {
					complain("%+v: %s", changes, d)
				}
				committed++
				if got == current {
					shared++
				} else if differ(got, current) == "" {
					complain("%+v: the zone is another one, though it holds the same", changes)
				}
				if r.IntN(3) > 0 {
					current, records = got, next
				}
			}
		})
	}
	if committed < int(seeds)*4 || shared == 0 {
		t.Errorf("%d differences led to a zone, %d of them to the same one: the test is too rough", committed, shared)
	}
}

// Reading what a zone consists of, in whatever order and case of owners, and
// however often, changes nothing at all.
func TestDifferenceOfTheSame(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 9))
		zones, err := testzone.SignAll(context.Background(), testzone.Generate(seed))
		if err != nil {
			t.Fatal(err)
		}
		records := toMaster(zones[0].Records)
		z, report := fromScratch(wire(zones[0].Origin), records)
		if z == nil {
			t.Fatal(report.Findings)
		}
		for range 20 {
			again := keep(records[r.IntN(len(records))])
			again.Owner = shout(r, again.Owner)
			records = append(records, again)
		}
		r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		// Records that a zone ignores are ignored again.
		if got, _, changes, ok := compareWith(z, records, 3); got != z || !ok || changes != (Changes{}) {
			t.Errorf("zone %d: %+v, %v\n%s", seed, changes, ok, text(records))
		}
		if got, _, changes, ok := compareWith(z, content(z), 3); got != z || !ok || changes != (Changes{}) {
			t.Errorf("zone %d read against itself: %+v, %v\n%s", seed, changes, ok, text(content(z)))
		}
	}
}

// What does not change lies where it lay, and referrals that many cuts share are
// told apart by the cut.
func TestDifferenceOfSharedReferrals(t *testing.T) {
	lines := strings.Builder{}
	for i := range 200 {
		for s := range 6 { // more than there are bits at a place
			fmt.Fprintf(&lines, "d%d 3600 NS ns%d.example.com.\n", i, s)
		}
	}
	base := build(t, "tw.", minimal+lines.String())
	records := content(base)
	for _, gone := range []int{0, 3, 4, 5} {
		lost := slices.IndexFunc(records, func(r master.Record) bool { return r.Type == TypeNS && dname.Equal(r.Owner, wire("d77.tw.")) }) + gone
		got, report, changes, ok := compareWith(base, slices.Delete(slices.Clone(records), lost, lost+1), 4)
		if !ok || got == nil || changes != (Changes{Removed: 1}) {
			t.Fatalf("%+v, %v, %v; expected one record removed", changes, ok, report)
		}
		for i := range 200 {
			m := got.Find(keyIn(got, fmt.Sprintf("d%d.tw.", i)))
			want := 6
			if i == 77 {
				want = 5
			}
			if n := got.Referral(m.Node).NS().Records; n != want {
				t.Errorf("without record %d: d%d has %d name servers, expected %d", gone, i, n, want)
			}
		}
		if grown := got.Stats().Bytes - base.Stats().Bytes; grown > 4000 {
			t.Errorf("one record less takes %d bytes more", grown)
		}
	}
}

// write writes a file of a zone in a directory of its own.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReload(t *testing.T) {
	const head = "$ORIGIN tw.\n$TTL 3600\n@ SOA ns.nic hostmaster.nic %d 7200 900 1209600 300\n@ NS ns.nic\nns.nic A 192.0.2.1\n"
	var cuts strings.Builder
	for i := range 300 {
		fmt.Fprintf(&cuts, "d%d NS ns1.d%d\nns1.d%d A 192.0.2.%d\n", i, i, i, i%256)
	}
	serial := func(n int) string { return fmt.Sprintf(head, n) }
	tests := []struct {
		name, file, included string
		changes              Changes
		findings             []string // nil: a zone without any
		broken               bool
	}{
		{name: "the same", file: serial(1) + cuts.String()},
		{name: "another serial", file: serial(2) + cuts.String(), changes: Changes{Added: 1, Removed: 1}},
		{name: "another order", file: "$INCLUDE rest\n" + serial(1), included: "$ORIGIN tw.\n$TTL 3600\n" + cuts.String()},
		{name: "an included file changes", file: serial(1) + cuts.String() + "$INCLUDE rest\n", included: "new NS ns.example.com.\n", changes: Changes{Added: 1}},
		{name: "all have another TTL", file: strings.Replace(serial(1), "3600", "60", 1) + cuts.String(), changes: Changes{Whole: true}},
		{name: "half is gone", file: serial(1) + cuts.String()[:cuts.Len()/2], changes: Changes{Whole: true}, findings: []string{"syntax", "missing-glue"}, broken: true},
		{name: "other parameters of NSEC3", file: serial(1) + cuts.String() + "@ 0 NSEC3PARAM 1 0 0 -\n", changes: Changes{Whole: true}, findings: []string{"nsec3param"}},
		{name: "a mistake", file: serial(2) + cuts.String() + "broken A 192.0.2.256\n", findings: []string{"syntax"}, broken: true},
		{name: "no SOA", file: strings.Replace(serial(1), "@ SOA", "; SOA", 1) + cuts.String(), changes: Changes{Removed: 1}, findings: []string{"no-soa"}, broken: true},
		{name: "out of the zone", file: serial(1) + cuts.String() + "example.com. A 192.0.2.1\n", findings: []string{"out-of-zone"}},
		{name: "glue is lost", file: serial(1) + strings.Replace(cuts.String(), "ns1.d7 A", "ns2.d7 A", 1), changes: Changes{Added: 1, Removed: 1}, findings: []string{"missing-glue"}},
		{name: "an empty file", file: "", changes: Changes{Whole: true}, findings: []string{"no-soa"}, broken: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, dir, "tw.zone", serial(1)+cuts.String())
			base, report, err := Load(t.Context(), wire("tw."), path, master.Options{})
			if base == nil {
				t.Fatal(report, err)
			}
			write(t, dir, "tw.zone", test.file)
			write(t, dir, "rest", test.included)
			got, report, changes, err := Reload(t.Context(), base, path, master.Options{})
			if err != nil || (got == nil) != test.broken {
				t.Fatalf("Reload = %v, %v, %v", got, report, err)
			}
			if got != nil || changes.Whole {
				if changes != test.changes {
					t.Errorf("changes %+v, expected %+v", changes, test.changes)
				}
			}
			for _, f := range report.Findings {
				if !slices.Contains(test.findings, string(f.Code)) {
					t.Errorf("unexpected: %s", f)
				}
				if f.File == "" {
					t.Errorf("%s: does not name its file", f)
				}
			}
			if (len(report.Findings) > 0) != (test.findings != nil) {
				t.Errorf("findings %v, expected %v", report.Findings, test.findings)
			}
			if got == nil {
				return
			}
			want, _, err := Load(t.Context(), wire("tw."), path, master.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d := differ(got, want); d != "" {
				t.Error(d)
			}
			if (got == base) != (test.changes == Changes{}) {
				t.Errorf("the zone is the one that was there: %v", got == base)
			}
		})
	}
}

func TestReloadFails(t *testing.T) {
	path := write(t, t.TempDir(), "tw.zone", "$ORIGIN tw.\n"+minimal)
	base, report, err := Load(t.Context(), wire("tw."), path, master.Options{})
	if base == nil {
		t.Fatal(report, err)
	}
	if z, _, _, err := Reload(t.Context(), base, path+".missing", master.Options{}); z != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a file that is not there: %v, %v", z, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if z, _, _, err := Reload(ctx, base, path, master.Options{}); z != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, %v", z, err)
	}
}

// Files whose records a zone does not keep as they are written make no new version
// of it when they are read again, and warn again.
func TestReloadOfWhatIsNotKept(t *testing.T) {
	signature := func(owner, covered string) string {
		return owner + " RRSIG " + covered + " 8 2 3600 20300101000000 20200101000000 1 tw. AAAA\n"
	}
	const head = "$ORIGIN tw.\n$TTL 3600\n@ SOA ns.nic hostmaster.nic %d 7200 900 1209600 300\n@ NS ns.nic\nns.nic A 192.0.2.1\n"
	var cuts strings.Builder
	for i := range 300 {
		fmt.Fprintf(&cuts, "d%d NS ns1.d%d\nns1.d%d A 192.0.2.%d\n", i, i, i, i%256)
	}
	tests := []struct {
		name, text string
		again      Changes  // beside another serial
		warnings   []string // of each reload; nil: none
	}{
		{"several TTLs", "www 600 A 192.0.2.1\nwww 300 A 192.0.2.2\nwww 900 A 192.0.2.3\n", Changes{}, []string{"ttl-mismatch"}},
		{"several TTLs of a delegation", "d7 600 NS ns.example.com.\n", Changes{}, []string{"ttl-mismatch"}},
		{"several TTLs of glue", "ns1.d7 60 A 192.0.2.99\n", Changes{}, []string{"ttl-mismatch"}},
		{"duplicates with other TTLs", "www 600 TXT a\nwww 300 TXT a\nd7 60 NS ns1.d7\nns1.d7 60 A 192.0.2.7\n", Changes{}, nil},
		{"duplicates in other letters", "mx MX 1 Mail.Example.com.\nmx MX 1 mail.example.COM.\nD7 NS NS1.D7\nd8 NS NS.Example.com.\nd8 NS ns.example.com.\n", Changes{}, nil},
		{"signatures over nothing", signature("nothing", "A") + signature("ns.nic", "TXT") + signature("ns1.d7", "TXT"), Changes{}, []string{"orphan-rrsig"}},
		// What becomes of them depends on other names, so that they count if something else changes.
		{"signatures over a delegation", signature("d7", "NS"), Changes{Added: 1}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, dir, "tw.zone", fmt.Sprintf(head, 1)+cuts.String()+test.text)
			base, report, err := Load(t.Context(), wire("tw."), path, master.Options{})
			if base == nil {
				t.Fatal(report, err)
			}
			size := base.Stats().Bytes
			for range 3 {
				got, report, changes, err := Reload(t.Context(), base, path, master.Options{})
				if got != base || err != nil || changes != (Changes{}) {
					t.Fatalf("the same zone: %v, %+v, %v; expected no change", got == base, changes, err)
				}
				if (len(report.Findings) > 0) != (test.warnings != nil) {
					t.Errorf("findings %v, expected %v", report.Findings, test.warnings)
				}
				for _, f := range report.Findings {
					if !slices.Contains(test.warnings, string(f.Code)) || f.File != path || f.Line == 0 {
						t.Errorf("%s, expected %v at a line of the file", f, test.warnings)
					}
				}
			}
			if base.Stats().Bytes != size {
				t.Errorf("reloads without a change take memory: %d bytes, before %d", base.Stats().Bytes, size)
			}
			write(t, dir, "tw.zone", fmt.Sprintf(head, 2)+cuts.String()+test.text)
			got, report, changes, err := Reload(t.Context(), base, path, master.Options{})
			if got == nil {
				t.Fatal(report, err)
			}
			if want := (Changes{Added: test.again.Added + 1, Removed: test.again.Removed + 1}); changes != want {
				t.Errorf("another serial: %+v, expected %+v", changes, want)
			}
			want, _, err := Load(t.Context(), wire("tw."), path, master.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d := differ(got, want); d != "" {
				t.Error(d)
			}
		})
	}
}

// A delegation that is hidden by another one keeps the signatures over its NS records,
// which it had lost before.
func TestReloadHidesWhatWasIgnored(t *testing.T) {
	const text = "$ORIGIN tw.\n$TTL 3600\n@ SOA ns.nic hostmaster.nic 1 7200 900 1209600 300\n@ NS ns.nic\nns.nic A 192.0.2.1\n" +
		"below.d NS ns.example.com.\nbelow.d RRSIG NS 8 3 3600 20300101000000 20200101000000 1 tw. AAAA\n"
	var more strings.Builder
	for i := range 100 {
		fmt.Fprintf(&more, "x%d A 192.0.2.%d\n", i, i)
	}
	dir := t.TempDir()
	path := write(t, dir, "tw.zone", text+more.String())
	base, report, err := Load(t.Context(), wire("tw."), path, master.Options{})
	if base == nil {
		t.Fatal(report, err)
	}
	write(t, dir, "tw.zone", text+"d NS ns.example.com.\n"+more.String())
	got, report, changes, err := Reload(t.Context(), base, path, master.Options{})
	if got == nil || changes.Whole {
		t.Fatal(report, changes, err)
	}
	want, _, err := Load(t.Context(), wire("tw."), path, master.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := differ(got, want); d != "" {
		t.Error(d)
	}
}
