package master

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
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

func BenchmarkRead(b *testing.B) {
	text := delegations(200_000)
	for _, workers := range []int{1, runtime.GOMAXPROCS(0)} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			opts := Options{Workers: workers, Open: func(string) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(text)), nil
			}}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var records atomic.Int64
			for b.Loop() {
				if _, err := Read(context.Background(), "zone", opts, func(batch *Batch) {
					records.Add(int64(len(batch.Records)))
				}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(records.Load())/b.Elapsed().Seconds()/1e6, "Mrecords/s")
		})
	}
}
