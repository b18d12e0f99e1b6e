package master_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"yushan/zone/dname"
	"yushan/zone/master"
)

func Example() {
	const text = `$TTL 1h
@	SOA	ns1 hostmaster ( 2026080101 1h 15m 2w 5m )
	NS	ns1.資訊
資訊	NS	ns1.資訊
ns1.資訊	A	192.0.2.300
`
	origin, _ := dname.ParseFQDN("台灣")
	opts := master.Options{
		Origin:  origin,
		Workers: 1, // with more, batches come in any order
		Open: func(string) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(text)), nil
		},
	}
	result, err := master.Read(context.Background(), "台灣.zone", opts, func(batch *master.Batch) {
		for _, rec := range batch.Records {
			rr, _ := master.RR(rec)
			fmt.Println(rr)
		}
	})
	fmt.Println(result.Records, "records")
	fmt.Println(err)
	// Output:
	// xn--kpry57d.	3600	IN	SOA	ns1.xn--kpry57d. hostmaster.xn--kpry57d. 2026080101 3600 900 1209600 300
	// xn--kpry57d.	3600	IN	NS	ns1.xn--9z2ax7c.xn--kpry57d.
	// xn--9z2ax7c.xn--kpry57d.	3600	IN	NS	ns1.xn--9z2ax7c.xn--kpry57d.
	// 3 records
	// 台灣.zone:5:10: A record of "ns1.資訊.台灣" (ns1.xn--9z2ax7c.xn--kpry57d): "192.0.2.300" is not an IPv4 address
}
