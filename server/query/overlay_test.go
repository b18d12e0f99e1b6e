package query_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/testengine"
	"yushan/internal/testzone"
	"yushan/server/overlay"
	"yushan/server/query"
	"yushan/zone"
	"yushan/zone/dname"
)

// overlayFor makes an overlay for some of the names in and near zones, and returns
// what is in it, in the form of zones. One of the zones gets a CNAME into it.
func overlayFor(seed uint64, zones []testzone.Zone) (*overlay.Overlay, []testzone.Zone, error) {
	r := rand.New(rand.NewPCG(seed, 5))
	near := testzone.NewQueries(seed, zones)
	var hosts []string
	for range 1 + r.IntN(3) {
		host, err := dname.ParseFQDN(near.Name())
		if err == nil && !dname.IsWildcard(host) && len(host) > 1 && len(host) < 150 {
			hosts = append(hosts, dname.String(host))
		}
	}
	if len(hosts) == 0 {
		return nil, nil, nil
	}
	o, err := overlay.New(overlay.Options{Hosts: hosts})
	if err != nil {
		return nil, nil, err
	}
	var servers []string // in lower case, each once
	content := map[string]*testzone.Zone{}
	for _, host := range hosts {
		host = dns.CanonicalName(host)
		if content[host] == nil {
			servers = append(servers, host)
			content[host] = &testzone.Zone{Origin: "_acme-challenge." + host}
		}
	}
	var overlaid []testzone.Zone
	for _, host := range servers {
		z := content[host]
		z.Records = testzone.MustParse(z.Origin, fmt.Sprintf("@ 1 IN SOA %[1]s %[1]s 1 3600 600 86400 1", servers[0]))
		for _, server := range servers {
			z.Records = append(z.Records, testzone.MustParse(z.Origin, "@ 1 IN NS "+server)...)
		}
		for n := range r.IntN(5) {
			owner := []string{"", "a.", "b.a.", "c.b.a."}[r.IntN(4)] + z.Origin
			value := fmt.Sprintf("%d%s", n, strings.Repeat("x", r.IntN(200)))
			if err := o.Present(owner, value); err != nil {
				return nil, nil, err
			}
			z.Records = append(z.Records, testzone.MustParse(z.Origin, fmt.Sprintf("%s 1 IN TXT %q", owner, value))...)
		}
		overlaid = append(overlaid, *z)
	}
	to := &zones[r.IntN(len(zones))]
	for _, rr := range to.Records {
		if rr.Header().Rrtype == dns.TypeDNAME && dns.CanonicalName(rr.Header().Name) == dns.CanonicalName(to.Origin) {
			return o, overlaid, nil // may have no names below it
		}
	}
	alias := "to-a-challenge." + strings.TrimPrefix(to.Origin, ".")
	to.Records = append(to.Records, testzone.MustParse(".", fmt.Sprintf("%s 60 IN CNAME %s", alias, overlaid[0].Origin))...)
	return o, overlaid, nil
}

// challenges serves tw. with the overlay of ns1.tw., which may be updated by a key.
func challenges(t *testing.T) (*query.Engine, *overlay.Overlay) {
	t.Helper()
	o, err := overlay.New(overlay.Options{
		Hosts: []string{"ns1.tw"},
		Keys:  []overlay.Key{{Name: "key.tw", Secret: updateSecret}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	z, report := zone.FromRecords([]byte("\x02tw\x00"), testzone.MustParse("tw.", "@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.1"))
	if z == nil {
		t.Fatal(report.Findings)
	}
	return query.New(zone.NewSet(z), query.Options{Overlay: o}), o
}

const (
	updateSecret  = "c2VjcmV0IG9mIDMyIGJ5dGVzLCBhIHRlc3QncyBvbmU="
	challengeName = "_acme-challenge.ns1.tw."
)

// addTXT is a signed update that adds a record.
func addTXT(t *testing.T, value string) []byte {
	t.Helper()
	m := new(dns.Msg).SetUpdate(challengeName)
	m.Insert(testzone.MustParse(".", challengeName+" 60 IN TXT "+value))
	m.SetTsig("key.tw.", dns.HmacSHA256, 300, time.Now().Unix())
	wire, _, err := dns.TsigGenerate(m, updateSecret, "", false)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// An update of the overlay works by every transport but HTTP, and is seen by the
// next query.
func TestUpdateOfTheOverlay(t *testing.T) {
	engine, o := challenges(t)
	worker, buf := query.NewWorker(), make([]byte, 65535)
	ask := func(wire []byte, over query.Transport) *dns.Msg {
		t.Helper()
		n := engine.Answer(worker, &query.Request{Wire: wire, Transport: over}, buf)
		var m dns.Msg
		if err := m.Unpack(buf[:n]); err != nil {
			t.Fatalf("%v: the response can't be read: %v", over, err)
		}
		return &m
	}
	question := testengine.Pack(t, new(dns.Msg).SetQuestion(challengeName, dns.TypeTXT))
	for i, over := range []query.Transport{query.UDP, query.TCP, query.DoT, query.DoQ} {
		m := ask(addTXT(t, over.String()), over)
		if m.Rcode != dns.RcodeSuccess || m.Opcode != dns.OpcodeUpdate || m.IsTsig() == nil || m.IsTsig().MACSize != 32 {
			t.Errorf("%v: expected NOERROR with a signature, got\n%v", over, m)
		}
		if m := ask(question, over); len(m.Answer) != i+1 || m.Answer[i].(*dns.TXT).Txt[0] != over.String() {
			t.Errorf("%v: expected what was added, got\n%v", over, m)
		}
	}
	before := o.Len()
	if m := ask(addTXT(t, "DoH"), query.DoH); m.Rcode != dns.RcodeNotImplemented || o.Len() != before {
		t.Errorf("over HTTP: expected NOTIMP and no change, got %d records and\n%v", o.Len(), m)
	}
	bad := addTXT(t, "forged")
	bad[len(bad)-20] ^= 1
	if m := ask(bad, query.TCP); m.Rcode != dns.RcodeNotAuth || o.Len() != before {
		t.Errorf("a wrong signature: expected NOTAUTH and no change, got %d records and\n%v", o.Len(), m)
	}
	got := *worker.Counters()
	if got.Queries != [5]uint64{query.UDP: 2, query.TCP: 3, query.DoT: 2, query.DoH: 1, query.DoQ: 2} || got.Rcodes[dns.RcodeSuccess] != 8 || got.Rcodes[dns.RcodeNotAuth] != 1 || got.Rcodes[dns.RcodeNotImplemented] != 1 {
		t.Errorf("counters %+v", got)
	}
}

// While records come and go, each answer is one that was right at some moment.
func TestOverlayChangesUnderQueries(t *testing.T) {
	engine, o := challenges(t)
	const rounds = 2000
	stop := make(chan struct{})
	var changing sync.WaitGroup
	changing.Go(func() {
		defer close(stop)
		for range rounds {
			for _, step := range []func(name, value string) error{o.Present, o.Remove} {
				if err := step(challengeName, "value"); err != nil {
					t.Error(err)
				}
			}
		}
	})
	worker, buf := query.NewWorker(), make([]byte, 65535)
	wire := testengine.Pack(t, new(dns.Msg).SetQuestion(challengeName, dns.TypeTXT))
	for going := true; going; {
		select {
		case <-stop:
			going = false
		default:
		}
		n := engine.Answer(worker, &query.Request{Wire: wire}, buf)
		var m dns.Msg
		if err := m.Unpack(buf[:n]); err != nil {
			t.Fatal(err)
		}
		there := len(m.Answer) == 1 && len(m.Ns) == 0 && m.Answer[0].(*dns.TXT).Txt[0] == "value"
		not := len(m.Answer) == 0 && len(m.Ns) == 1 && m.Ns[0].Header().Rrtype == dns.TypeSOA
		if m.Rcode != dns.RcodeSuccess || !m.Authoritative || !there && !not {
			t.Fatalf("neither with the record nor without:\n%v", &m)
		}
	}
	changing.Wait()
}
