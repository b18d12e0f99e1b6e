package master

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

// The root zone, read by us and by miekg/dns, is the same record by record.
func TestRootZone(t *testing.T) {
	path := peer.TestData(t, "root.zone")
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var want []dns.RR
	zp := dns.NewZoneParser(file, ".", path)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		want = append(want, rr)
	}
	if err := zp.Err(); err != nil {
		t.Fatal(err)
	}

	batches := map[int][]Record{}
	_, err = Read(context.Background(), path, Options{Origin: []byte{0}, Workers: 1}, func(b *Batch) {
		for _, rec := range b.Records {
			rec.Owner, rec.RDATA = bytes.Clone(rec.Owner), bytes.Clone(rec.RDATA)
			batches[b.Seq] = append(batches[b.Seq], rec)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []Record
	for seq := range len(batches) {
		got = append(got, batches[seq]...)
	}
	if len(got) != len(want) {
		t.Fatalf("%d records, miekg/dns reads %d", len(got), len(want))
	}
	for i, rr := range want {
		compare(t, got[i], rr)
	}
}

// compare fails if a record isn't what miekg/dns read.
func compare(t testing.TB, got Record, want dns.RR) {
	t.Helper()
	owner, rdata, err := FromRR(want)
	if err != nil {
		t.Fatalf("%v: %v", want, err)
	}
	h := want.Header()
	if !bytes.Equal(got.Owner, owner) || !bytes.Equal(got.RDATA, rdata) || got.Type != h.Rrtype || got.Class != h.Class || got.TTL != h.Ttl {
		t.Errorf("line %d: %s (RDATA %x)\nmiekg/dns: %s (RDATA %x)", got.Line, showRecord(t, got), got.RDATA, want, rdata)
	}
}
