package master

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"yushan/internal/cputime"
)

// delegations writes a zone like that of a ccTLD: each delegation has two or
// three NS records, one in six has in-domain servers with glue.
func delegations(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("$ORIGIN tw.\n$TTL 3600\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n")
	for i := range n {
		name := fmt.Sprintf("%x-%d", rng.Uint32(), i)
		if rng.IntN(6) == 0 {
			fmt.Fprintf(&b, "%s 3600 IN NS ns1.%s\n%s 3600 IN NS ns2.%s\n", name, name, name, name)
			fmt.Fprintf(&b, "ns1.%s 3600 IN A 192.0.%d.%d\n", name, rng.IntN(256), rng.IntN(256))
			fmt.Fprintf(&b, "ns2.%s 3600 IN AAAA 2001:db8:%x::%x\n", name, rng.IntN(65536), rng.IntN(65536))
			continue
		}
		host := rng.IntN(2000)
		for server := range 2 + rng.IntN(6)/5 {
			fmt.Fprintf(&b, "%s 3600 IN NS ns%d.hosting%d.example.com.\n", name, server+1, host)
		}
	}
	return b.Bytes()
}

// signed writes what a signer adds to delegations: DS and NSEC3 records, each
// with its RRSIG.
func signed(n int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	var b bytes.Buffer
	b.WriteString("$ORIGIN tw.\n$TTL 3600\n")
	signature := func() string {
		bytes := make([]byte, 64)
		for i := range bytes {
			bytes[i] = byte(rng.Uint32())
		}
		return base64.StdEncoding.EncodeToString(bytes)
	}
	hash := func() string { return fmt.Sprintf("%032d", rng.Uint64()) }
	for i := range n {
		name := fmt.Sprintf("%x-%d", rng.Uint32(), i)
		fmt.Fprintf(&b, "%s.tw. 3600 IN DS %d 13 2 %064x\n", name, rng.IntN(65536), rng.Uint64())
		fmt.Fprintf(&b, "%s.tw. 3600 IN RRSIG DS 13 2 3600 20260801000000 20260718000000 12345 tw. %s\n", name, signature())
		fmt.Fprintf(&b, "%s.tw. 300 IN NSEC3 1 1 0 - %s NS DS RRSIG\n", hash(), hash())
		fmt.Fprintf(&b, "%s.tw. 300 IN RRSIG NSEC3 13 2 300 20260801000000 20260718000000 12345 tw. %s\n", hash(), signature())
	}
	return b.Bytes()
}

func BenchmarkRead(b *testing.B) {
	for _, zone := range []struct {
		name string
		text []byte
	}{
		{"delegations", delegations(200_000)},
		{"signed", signed(30_000)},
		{"parentheses", bytes.ReplaceAll(signed(30_000), []byte(" IN RRSIG "), []byte(" IN RRSIG ( ; comment\n\t\t"))},
		{"ulabels", []byte("$ORIGIN 台灣.\n$TTL 60\n" + strings.Repeat("公司 NS ns1.資訊\n", 20_000))},
		{"general", []byte("$ORIGIN tw.\n$TTL 60\n" + strings.Repeat("_sip._tcp SRV 1 2 5060 host\n", 20_000))},
	} {
		if zone.name == "parentheses" {
			zone.text = bytes.ReplaceAll(zone.text, []byte("==\n"), []byte("==\n\t)\n"))
		}
		for _, workers := range []int{1, runtime.GOMAXPROCS(0)} {
			b.Run(fmt.Sprintf("%s/workers=%d", zone.name, workers), func(b *testing.B) {
				benchmarkRead(b, "zone", int64(len(zone.text)), Options{Workers: workers, Open: func(string) (io.ReadCloser, error) {
					return io.NopCloser(bytes.NewReader(zone.text)), nil
				}})
			})
		}
	}
}

// BenchmarkReadFile reads a million delegations from a file.
func BenchmarkReadFile(b *testing.B) {
	text := delegations(1_000_000)
	path := filepath.Join(b.TempDir(), "tw.zone")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		b.Fatal(err)
	}
	benchmarkRead(b, path, int64(len(text)), Options{})
}

func benchmarkRead(b *testing.B, path string, size int64, opts Options) {
	b.SetBytes(size)
	b.ReportAllocs()
	var records atomic.Int64
	before := cputime.Used(b)
	for b.Loop() {
		if _, err := Read(context.Background(), path, opts, func(batch *Batch) {
			records.Add(int64(len(batch.Records)))
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(records.Load())/b.Elapsed().Seconds()/1e6, "Mrecords/s")
	b.ReportMetric(float64(size)*float64(b.N)/(cputime.Used(b)-before).Seconds()/1e6, "MB/cpu-s")
}
