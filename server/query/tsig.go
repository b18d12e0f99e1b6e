package query

import "github.com/miekg/dns"

// refuseTSIG answers a query that is signed by a key we do not have: none are
// configured (RFC 8945 §5.2.1, §5.3.2). The response is not signed, as there is
// nothing to sign it with.
func (e *Engine) refuseTSIG(w *Worker, req *Request) int {
	// Only this record is read: the rest of the query has been, and by less
	// exacting rules than the library's.
	rr, end, err := dns.UnpackRR(req.Wire, w.query.tsigAt)
	asked, ok := rr.(*dns.TSIG)
	m := &w.message
	if err != nil || !ok || end != len(req.Wire) || asked.Hdr.Class != dns.ClassANY || asked.Hdr.Ttl != 0 { // RFC 8945 §4.2
		m.rcode = formErr
		return e.finish(w, req)
	}
	m.rcode = notAuth
	record := &dns.TSIG{
		Hdr:        dns.RR_Header{Name: asked.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm:  asked.Algorithm,
		TimeSigned: asked.TimeSigned,
		Fudge:      asked.Fudge,
		OrigId:     asked.OrigId,
		Error:      dns.RcodeBadKey,
	}
	packed := make([]byte, dns.Len(record))
	if m.tail, err = dns.PackRR(record, packed, 0, nil, false); err != nil {
		m.tail = 0
		return e.finish(w, req)
	}
	n := e.finish(w, req)
	if n+m.tail > len(m.buf) { // the RCODE alone has to do
		return n
	}
	m.buf[headerSize-1]++ // one more additional record
	return n + copy(m.buf[n:], packed[:m.tail])
}
