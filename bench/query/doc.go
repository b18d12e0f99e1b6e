// Package query prepares the queries of a run: from a file in dnsperf's format, a
// capture, or a zone from which a mix is drawn.
//
//	ReadText, ReadPcap, Mix.Draw ──► Set ──► Put, one message into a transport's buffer
//	              Options (EDNS …) ───┘  └─► Check, an answer against its query
//
// A [Set] holds its messages ready to be sent; sending one is a copy, in which the ID
// and, where they are asked for, a random label and a cookie are put in. Put and Check
// (set.go, check.go) are what a transport calls for each query, and allocate nothing;
// all else happens before the run.
//
// It may import bench/zonefile, zone/dname, miekg/dns (for the names of types) and
// pcapgo.
package query
