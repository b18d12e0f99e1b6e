package hpack

import (
	"bytes"
	"testing"

	peer "golang.org/x/net/http2/hpack"

	"yushan/internal/cputime"
)

// dohFields is what a DNS client sends with a query in the path.
var dohFields = []peer.HeaderField{
	{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"},
	{Name: ":authority", Value: "ns1.example.tw"},
	{Name: ":path", Value: "/dns-query?dns=AAABAAABAAAAAAAABG5hbWUHZXhhbXBsZQJ0dwAAAQAB", Sensitive: true},
	{Name: "accept", Value: "application/dns-message"},
	{Name: "user-agent", Value: "client/1.0"},
}

// BenchmarkDecode reads that block when its constant fields are in the table.
func BenchmarkDecode(b *testing.B) {
	var block bytes.Buffer
	enc := peer.NewEncoder(&block)
	for _, f := range dohFields {
		enc.WriteField(f)
	}
	first := bytes.Clone(block.Bytes())
	block.Reset()
	for _, f := range dohFields {
		enc.WriteField(f)
	}
	b.Run("here", func(b *testing.B) {
		d, scratch := NewDecoder(kinds), make([]byte, 0, MinScratch)
		for r := d.Read(first, scratch); r.Next(); {
		}
		b.ReportAllocs()
		start := cputime.Used(b)
		for b.Loop() {
			r := d.Read(block.Bytes(), scratch)
			for r.Next() {
			}
			if r.Err() != nil {
				b.Fatal(r.Err())
			}
		}
		b.ReportMetric(float64(cputime.Used(b)-start)/float64(b.N), "cpu-ns/op")
	})
	b.Run("x-net", func(b *testing.B) {
		fields := 0
		d := peer.NewDecoder(DefaultTableSize, func(peer.HeaderField) { fields++ })
		d.Write(first)
		b.ReportAllocs()
		start := cputime.Used(b)
		for b.Loop() {
			if _, err := d.Write(block.Bytes()); err != nil {
				b.Fatal(err)
			}
			d.Close()
		}
		b.ReportMetric(float64(cputime.Used(b)-start)/float64(b.N), "cpu-ns/op")
	})
}

// BenchmarkIndex reads a field that enters a full table, as every path does that
// Go's client sends.
func BenchmarkIndex(b *testing.B) {
	block := append([]byte("\x44\x3c"), bytes.Repeat([]byte("p"), 60)...)
	b.Run("here", func(b *testing.B) {
		d, scratch := NewDecoder(kinds), make([]byte, 0, MinScratch)
		b.ReportAllocs()
		start := cputime.Used(b)
		for b.Loop() {
			r := d.Read(block, scratch)
			for r.Next() {
			}
		}
		b.ReportMetric(float64(cputime.Used(b)-start)/float64(b.N), "cpu-ns/op")
	})
	b.Run("x-net", func(b *testing.B) {
		d := peer.NewDecoder(DefaultTableSize, func(peer.HeaderField) {})
		b.ReportAllocs()
		start := cputime.Used(b)
		for b.Loop() {
			d.Write(block)
			d.Close()
		}
		b.ReportMetric(float64(cputime.Used(b)-start)/float64(b.N), "cpu-ns/op")
	})
}
