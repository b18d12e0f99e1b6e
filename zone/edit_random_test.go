package zone

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"yushan/internal/testzone"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// model is a zone as a list of records, edited in the plainest way.
type model []master.Record

func (m model) same(r master.Record) func(master.Record) bool {
	return func(other master.Record) bool {
		return r.Type == other.Type && dname.Equal(r.Owner, other.Owner) && new(assembly).compareRDATA(r.Type, r.RDATA, other.RDATA) == 0
	}
}

// add appends a record; of duplicates the lower TTL and the lower bytes count.
func (m *model) add(r master.Record) {
	i := slices.IndexFunc(*m, m.same(r))
	if i < 0 {
		*m = append(*m, r)
		return
	}
	old := &(*m)[i]
	old.TTL = min(old.TTL, r.TTL)
	if bytes.Compare(r.RDATA, old.RDATA) < 0 {
		old.RDATA = r.RDATA
	}
}

func (m *model) remove(r master.Record) { *m = slices.DeleteFunc(*m, m.same(r)) }

func (m *model) removeRRset(owner []byte, rrtype uint16) {
	*m = slices.DeleteFunc(*m, func(r master.Record) bool {
		return dname.Equal(r.Owner, owner) && uint16(setOrder(r.Type, r.RDATA)>>1) == rrtype
	})
}

// randomEdit makes some changes to both.
func randomEdit(r *rand.Rand, e *Edit, m *model, strangers []master.Record) (log []string) {
	note := func(what string, rec master.Record) { log = append(log, what+" "+show(rec)) }
	pick := func() (master.Record, bool) {
		if len(*m) == 0 {
			return master.Record{}, false
		}
		return (*m)[r.IntN(len(*m))], true
	}
	for range 1 + r.IntN(6) {
		switch r.IntN(9) {
		case 0, 1: // a record goes
			if rec, ok := pick(); ok && (rec.Type != TypeSOA || r.IntN(10) == 0) {
				note("remove", rec)
				e.Remove(rec)
				m.remove(rec)
			}
		case 2: // an RRset goes
			if rec, ok := pick(); ok && rec.Type != TypeRRSIG && (rec.Type != TypeSOA || r.IntN(10) == 0) {
				note("remove RRset of", rec)
				e.RemoveRRset(rec.Owner, rec.Type)
				m.removeRRset(rec.Owner, rec.Type)
			}
		case 3: // a name goes
			if rec, ok := pick(); ok && (len(rec.Owner) != len(e.base.origin) || r.IntN(10) == 0) {
				for _, other := range slices.Clone(*m) {
					if dname.Equal(other.Owner, rec.Owner) {
						note("remove", other)
						e.Remove(other)
						m.remove(other)
					}
				}
			}
		case 4: // an address comes for a name that is named
			if rec, ok := pick(); ok && rec.Type == TypeNS && dname.IsSubdomain(rec.RDATA, e.base.origin) {
				a := master.Record{Owner: rec.RDATA, Type: TypeA, RDATA: []byte{192, 0, 2, byte(r.IntN(4))}, TTL: uint32(r.IntN(3))}
				note("add", a)
				e.Add(a)
				m.add(a)
			}
		case 5: // a delegation to name servers that are there
			if rec, ok := pick(); ok {
				if server, ok := pick(); ok && server.Type == TypeNS && len(rec.Owner) < 250 {
					ns := server
					ns.Owner = append([]byte{1, "abcx"[r.IntN(4)]}, rec.Owner...)
					note("add", ns)
					e.Add(ns)
					m.add(ns)
				}
			}
		default: // records come
			for range 1 + r.IntN(3) {
				rec := strangers[r.IntN(len(strangers))]
				if rec.Type == TypeSOA {
					if r.IntN(4) > 0 {
						continue
					}
					for _, old := range slices.Clone(*m) {
						if old.Type == TypeSOA {
							e.Remove(old)
							m.remove(old)
						}
					}
				}
				note("add", rec)
				e.Add(rec)
				m.add(rec)
			}
		}
	}
	return log
}

// Editing a zone and building the edited records come to the same.
func TestEditEqualsBuild(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 15
	}
	possible := 0
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			possible += checkRandomEdits(t, seed, 12)
		})
	}
	if possible < seeds*2 {
		t.Errorf("only %d edits of %d zones led to a zone: the test is too rough", possible, seeds)
	}
}

func checkRandomEdits(t *testing.T, seed uint64, edits int) (possible int) {
	r := rand.New(rand.NewPCG(seed, 1))
	zones, err := testzone.SignAll(context.Background(), testzone.Generate(seed))
	if err != nil {
		t.Fatal(err)
	}
	// Another zone below the same apex, in part, has what is to be added.
	z := zones[0]
	var strangers []master.Record
	for _, other := range zones {
		strangers = append(strangers, toMaster(other.Records)...)
	}
	for s := seed + 1; s < seed+40; s++ {
		for _, other := range testzone.Generate(s) {
			if other.Origin == z.Origin {
				strangers = append(strangers, toMaster(other.Records)...)
			}
		}
	}
	current, report := FromRecords(wire(z.Origin), z.Records)
	if current == nil {
		t.Fatal(report.Findings)
	}
	for step := range edits {
		before := content(current)
		m := model(slices.Clone(before))
		e := current.Edit()
		log := randomEdit(r, e, &m, strangers)
		got, report := e.Commit()
		want, wantReport := fromScratch(current.origin, m)
		complain := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("step %d: %s\nedit: %q\nof the zone:\n%s", step, fmt.Sprintf(format, args...), log, text(before))
		}
		if (got == nil) != (want == nil) {
			complain("the edit says %v, the build %v", report.Findings, wantReport.Findings)
		}
		if after := content(current); !slices.EqualFunc(after, before, identical) {
			complain("the base has changed into:\n%s", text(after))
		}
		if got == nil {
			continue
		}
		if d := differ(got, want); d != "" {
			complain("%s", d)
		}
		possible++
		if again, report := fromScratch(got.origin, content(got)); again == nil {
			complain("the records do not make a zone: %v", report.Findings)
		} else if d := differ(again, got); d != "" {
			complain("what the records make differs: %s", d)
		}
		if r.IntN(5) == 0 {
			got = got.Compact()
			if d := differ(got, want); d != "" {
				complain("compacted: %s", d)
			}
		}
		if r.IntN(4) > 0 { // else two edits start from one base
			current = got
		}
	}
	return possible
}
