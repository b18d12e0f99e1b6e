package overlay

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

const (
	apex   = "_acme-challenge.ns1.example.tw."
	secret = "c2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXMsIGFib3V0"
)

var testKey = Key{Name: "Node-Key", Secret: secret}

func updateOverlay(t testing.TB) *Overlay {
	t.Helper()
	return newOverlay(t, Options{
		Hosts:      []string{"ns1.example.tw", "ns2.example.tw"},
		Keys:       []Key{testKey, {Name: "other.", Algorithm: "hmac-sha512", Secret: secret}},
		MaxRecords: 3,
	})
}

func newUpdate() *dns.Msg { return new(dns.Msg).SetUpdate(apex) }

// records reads master-file lines, with the class as it is to be sent.
func records(t testing.TB, class uint16, lines ...string) (out []dns.RR) {
	t.Helper()
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		rr.Header().Class = class
		if class != dns.ClassINET {
			rr.Header().Ttl = 0
		}
		out = append(out, rr)
	}
	return out
}

func empty(name string, rrtype, class uint16) dns.RR {
	return &dns.ANY{Hdr: dns.RR_Header{Name: name, Rrtype: rrtype, Class: class}}
}

func sign(t testing.TB, m *dns.Msg, key Key) (wire []byte, mac string) {
	t.Helper()
	k, err := key.check()
	if err != nil {
		t.Fatal(err)
	}
	m.SetTsig(k.Name, k.Algorithm, fudgeSeconds, time.Now().Unix())
	wire, mac, err = dns.TsigGenerate(m, k.Secret, "", false)
	if err != nil {
		t.Fatal(err)
	}
	return wire, mac
}

// answer sends wire to o and reads the response.
func answer(t testing.TB, o *Overlay, wire []byte) (*dns.Msg, []byte) {
	t.Helper()
	dst := make([]byte, 4096)
	before := string(wire)
	dst = dst[:o.Update(wire, dst)]
	if string(wire) != before {
		t.Error("the update was written to")
	}
	m := new(dns.Msg)
	if err := m.Unpack(dst); err != nil {
		t.Fatalf("the response %x cannot be read: %v", dst, err)
	}
	return m, dst
}

func TestUpdate(t *testing.T) {
	in, any, none := uint16(dns.ClassINET), uint16(dns.ClassANY), uint16(dns.ClassNONE)
	one, two := apex+` 60 TXT "one"`, apex+` 60 TXT "two"`
	for _, c := range []struct {
		name    string
		require []dns.RR
		change  []dns.RR
		rcode   int
		after   string // of the apex, where ns1 has the record "one" before
	}{
		{"add", nil, records(t, in, two), dns.RcodeSuccess, `"one""two"`},
		{"add what is there", nil, records(t, in, one), dns.RcodeSuccess, `"one"`},
		{"add in capitals", nil, records(t, in, strings.ToUpper(apex)+` 60 TXT "two"`), dns.RcodeSuccess, `"one""two"`},
		{"add below", nil, records(t, in, `x.`+two), dns.RcodeSuccess, `"one"`},
		{"delete", nil, records(t, none, one), dns.RcodeSuccess, "NODATA"},
		{"delete another", nil, records(t, none, two), dns.RcodeSuccess, `"one"`},
		{"delete in another type", nil, records(t, none, apex+" A 192.0.2.1"), dns.RcodeSuccess, `"one"`},
		{"delete the RRset", nil, []dns.RR{empty(apex, dns.TypeTXT, any)}, dns.RcodeSuccess, "NODATA"},
		{"delete all", nil, []dns.RR{empty(apex, dns.TypeANY, any)}, dns.RcodeSuccess, "NODATA"},
		{"delete SOA", nil, []dns.RR{empty(apex, dns.TypeSOA, any)}, dns.RcodeSuccess, `"one"`},
		{"replace", nil, append([]dns.RR{empty(apex, dns.TypeTXT, any)}, records(t, in, two)...), dns.RcodeSuccess, `"two"`},
		{"add an address", nil, records(t, in, apex+" A 192.0.2.1"), dns.RcodeRefused, `"one"`},
		{"all or nothing", nil, records(t, in, two, apex+" A 192.0.2.1"), dns.RcodeRefused, `"one"`},
		{"out of zone", nil, records(t, in, `ns1.example.tw. TXT "x"`), dns.RcodeNotZone, `"one"`},
		{"another zone", nil, records(t, in, `_acme-challenge.ns2.example.tw. TXT "x"`), dns.RcodeNotZone, `"one"`},
		{"too many", nil, records(t, in, two, apex+` TXT "3"`, apex+` TXT "4"`), dns.RcodeRefused, `"one"`},
		{"too long", nil, records(t, in, apex+" TXT "+strings.Repeat(`"`+strings.Repeat("x", 255)+`" `, 3)), dns.RcodeRefused, `"one"`},
		{"no RDATA", nil, []dns.RR{empty(apex, dns.TypeTXT, in)}, dns.RcodeFormatError, `"one"`},
		{"class CH", nil, records(t, dns.ClassCHAOS, two), dns.RcodeFormatError, `"one"`},
		{"type ANY", nil, []dns.RR{empty(apex, dns.TypeANY, in)}, dns.RcodeFormatError, `"one"`},
		{"AXFR of class ANY", nil, []dns.RR{empty(apex, dns.TypeAXFR, any)}, dns.RcodeFormatError, `"one"`},

		{"if the name is there", []dns.RR{empty(apex, dns.TypeANY, any)}, records(t, in, two), dns.RcodeSuccess, `"one""two"`},
		{"if a name is not there", []dns.RR{empty("x."+apex, dns.TypeANY, none)}, records(t, in, two), dns.RcodeSuccess, `"one""two"`},
		{"unless the name is there", []dns.RR{empty(apex, dns.TypeANY, none)}, records(t, in, two), dns.RcodeYXDomain, `"one"`},
		{"if another name is there", []dns.RR{empty("x."+apex, dns.TypeANY, any)}, records(t, in, two), dns.RcodeNameError, `"one"`},
		{"if there is TXT", []dns.RR{empty(apex, dns.TypeTXT, any)}, records(t, in, two), dns.RcodeSuccess, `"one""two"`},
		{"unless there is TXT", []dns.RR{empty(apex, dns.TypeTXT, none)}, records(t, in, two), dns.RcodeYXRrset, `"one"`},
		{"if there is NS", []dns.RR{empty(apex, dns.TypeNS, any)}, records(t, in, two), dns.RcodeSuccess, `"one""two"`},
		{"if there is A", []dns.RR{empty(apex, dns.TypeA, any)}, records(t, in, two), dns.RcodeNXRrset, `"one"`},
		{"if TXT is one", records(t, in, apex+` 0 TXT "one"`), records(t, in, two), dns.RcodeSuccess, `"one""two"`},
		{"if TXT is two", records(t, in, apex+` 0 TXT "two"`), records(t, in, two), dns.RcodeNXRrset, `"one"`},
		{"if TXT is both", records(t, in, apex+` 0 TXT "one"`, apex+` 0 TXT "two"`), records(t, in, two), dns.RcodeNXRrset, `"one"`},
		{"if A is", records(t, in, apex+" 0 A 192.0.2.1"), records(t, in, two), dns.RcodeNXRrset, `"one"`},
		{"condition with TTL", records(t, in, one), records(t, in, two), dns.RcodeFormatError, `"one"`},
		{"condition out of zone", []dns.RR{empty("example.tw.", dns.TypeANY, any)}, records(t, in, two), dns.RcodeNotZone, `"one"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := updateOverlay(t)
			if err := o.Present(apex, "one"); err != nil {
				t.Fatal(err)
			}
			m := newUpdate()
			m.Answer, m.Ns = c.require, c.change
			wire, mac := sign(t, m, testKey)
			if !o.IsUpdate(wire) {
				t.Error("not taken for an update")
			}
			r, response := answer(t, o, wire)
			if r.Rcode != c.rcode {
				t.Errorf("%s, expected %s", dns.RcodeToString[r.Rcode], dns.RcodeToString[c.rcode])
			}
			if r.Id != m.Id || !r.Response || r.Opcode != dns.OpcodeUpdate || len(r.Question) != 1 || r.Question[0].Name != apex {
				t.Errorf("no response to the update:\n%v", r)
			}
			if err := dns.TsigVerify(response, secret, mac, false); err != nil {
				t.Errorf("signature of the response: %v", err)
			}
			if got := lookUp(t, o, apex); got != c.after {
				t.Errorf("afterwards %s, expected %s", got, c.after)
			}
		})
	}
}

func TestUpdateBelowMakesEmptyNonTerminals(t *testing.T) {
	o := updateOverlay(t)
	m := newUpdate()
	m.Ns = records(t, dns.ClassINET, `a.b.`+apex+` TXT "deep"`)
	wire, _ := sign(t, m, testKey)
	if r, _ := answer(t, o, wire); r.Rcode != dns.RcodeSuccess {
		t.Fatalf("%v", r)
	}
	for name, want := range map[string]string{"a.b." + apex: `"deep"`, "b." + apex: "NODATA", apex: "NODATA", "c." + apex: "NXDOMAIN"} {
		if got := lookUp(t, o, name); got != want {
			t.Errorf("%s: %s, expected %s", name, got, want)
		}
	}
}

// TestUpdateRefusesForgeries is about who may change anything at all.
func TestUpdateRefusesForgeries(t *testing.T) {
	now := time.Now()
	add := func() *dns.Msg {
		m := newUpdate()
		m.Ns = records(t, dns.ClassINET, apex+` 60 TXT "forged"`)
		return m
	}
	stranger := Key{Name: "stranger", Secret: secret}
	wrong := Key{Name: testKey.Name, Secret: base64.StdEncoding.EncodeToString([]byte("another secret of 32 bytes, long"))}
	algorithm := Key{Name: testKey.Name, Algorithm: "hmac-sha512", Secret: secret}
	signed := func(m *dns.Msg, key Key) []byte { wire, _ := sign(t, m, key); return wire }
	signedAt := func(at time.Time) []byte {
		m := add()
		m.SetTsig("node-key.", dns.HmacSHA256, fudgeSeconds, at.Unix())
		wire, _, err := dns.TsigGenerate(m, secret, "", false)
		if err != nil {
			t.Fatal(err)
		}
		return wire
	}
	unsigned, err := add().Pack()
	if err != nil {
		t.Fatal(err)
	}
	changed := signed(add(), testKey)
	changed[strings.Index(string(changed), "forged")] = 'F'
	cut := signed(add(), testKey)
	macAt := len(cut) - 6 - 32 // before it: its size; behind it: ID, error, length of other data
	short := append(append(append([]byte{}, cut[:macAt-2]...), 0, 8), append(cut[macAt:macAt+8:macAt+8], cut[len(cut)-6:]...)...)
	fixLength := func(wire []byte, less int) []byte {
		at := macAt - 2 - 2 - 6 - len("\x0bhmac-sha256\x00") - 2
		wire[at+1] -= byte(less)
		return wire
	}
	short = fixLength(short, 24)
	half := append(append(append([]byte{}, cut[:macAt-2]...), 0, 16), append(cut[macAt:macAt+16:macAt+16], cut[len(cut)-6:]...)...)
	half = fixLength(half, 16)

	for _, c := range []struct {
		name    string
		wire    []byte
		rcode   int
		failure uint16
		signed  bool
	}{
		{"not signed", unsigned, dns.RcodeRefused, 0, false},
		{"a key we do not have", signed(add(), stranger), dns.RcodeNotAuth, dns.RcodeBadKey, false},
		{"another algorithm", signed(add(), algorithm), dns.RcodeNotAuth, dns.RcodeBadKey, false},
		{"another secret", signed(add(), wrong), dns.RcodeNotAuth, dns.RcodeBadSig, false},
		{"changed on its way", changed, dns.RcodeNotAuth, dns.RcodeBadSig, false},
		{"a MAC of 8 bytes", short, dns.RcodeFormatError, 0, false},
		{"a MAC cut in half", half, dns.RcodeNotAuth, dns.RcodeBadSig, false},
		{"yesterday's", signedAt(now.Add(-24 * time.Hour)), dns.RcodeNotAuth, dns.RcodeBadTime, true},
		{"tomorrow's", signedAt(now.Add(24 * time.Hour)), dns.RcodeNotAuth, dns.RcodeBadTime, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := updateOverlay(t)
			r, _ := answer(t, o, c.wire)
			if r.Rcode != c.rcode {
				t.Errorf("%s, expected %s", dns.RcodeToString[r.Rcode], dns.RcodeToString[c.rcode])
			}
			s := r.IsTsig()
			switch {
			case (s != nil) != (c.failure != 0):
				t.Errorf("TSIG record in the response: %v", s)
			case s != nil && (s.Error != c.failure || (s.MACSize != 0) != c.signed):
				t.Errorf("TSIG error %d and a MAC of %d bytes, expected error %d, signed %v", s.Error, s.MACSize, c.failure, c.signed)
			case s != nil && c.failure == dns.RcodeBadTime && len(s.OtherData) != 12:
				t.Errorf("BADTIME without the server's time: %q", s.OtherData)
			}
			if n := o.Len(); n != 0 {
				t.Errorf("%d records were added", n)
			}
		})
	}
}

// TestUpdateAcceptsOtherWaysToSign is about what stays valid.
func TestUpdateAcceptsOtherWaysToSign(t *testing.T) {
	for _, key := range []Key{testKey, {Name: "NODE-KEY.", Secret: secret}, {Name: "other", Algorithm: "HMAC-SHA512", Secret: secret}} {
		for _, edns := range []bool{false, true} {
			o := updateOverlay(t)
			m := newUpdate()
			m.Ns = records(t, dns.ClassINET, apex+` 60 TXT "one"`)
			if edns {
				m.SetEdns0(1232, true)
			}
			wire, _ := sign(t, m, key)
			r, _ := answer(t, o, wire)
			if r.Rcode != dns.RcodeSuccess || o.Len() != 1 || (r.IsEdns0() != nil) != edns {
				t.Errorf("key %q, EDNS %v:\n%v", key.Name, edns, r)
			}
		}
	}
}

func TestUpdateMalformed(t *testing.T) {
	valid, _ := sign(t, newUpdate(), testKey)
	edns := newUpdate()
	edns.SetEdns0(1232, false)
	edns.IsEdns0().SetVersion(1)
	badVersion, err := edns.Pack()
	if err != nil {
		t.Fatal(err)
	}
	second := newUpdate()
	second.Extra = []dns.RR{&dns.TSIG{Hdr: dns.RR_Header{Name: "node-key.", Rrtype: dns.TypeTSIG, Class: dns.ClassANY}, Algorithm: dns.HmacSHA256}}
	twice, _ := sign(t, second, testKey)
	soa := newUpdate()
	soa.Question[0].Qtype = dns.TypeTXT
	noSOA, _ := sign(t, soa, testKey)
	for name, c := range map[string]struct {
		wire  []byte
		rcode int
	}{
		"trailing byte":        {append(valid[:len(valid):len(valid)], 0), dns.RcodeFormatError},
		"cut off":              {valid[:len(valid)-1], dns.RcodeFormatError},
		"header alone":         {valid[:headerBytes], dns.RcodeFormatError},
		"EDNS version 1":       {badVersion, dns.RcodeBadVers},
		"two TSIG records":     {twice, dns.RcodeFormatError},
		"zone section not SOA": {noSOA, dns.RcodeFormatError},
	} {
		o := updateOverlay(t)
		if r, _ := answer(t, o, c.wire); r.Rcode != c.rcode || r.Id != uint16(c.wire[0])<<8|uint16(c.wire[1]) {
			t.Errorf("%s: expected %s, got\n%v", name, dns.RcodeToString[c.rcode], r)
		}
	}
	noRDATA := append(bytes.Clone(valid[:headerBytes+len(apex)+1+4]), "\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00"...)
	o := updateOverlay(t)
	if r, _ := answer(t, o, noRDATA); r.Rcode != dns.RcodeFormatError {
		t.Errorf("a TSIG record without RDATA: expected FORMERR, got\n%v", r)
	}
	response := append([]byte{}, valid...)
	response[2] |= 0x80
	for _, wire := range [][]byte{nil, valid[:headerBytes-1], response} {
		if n := o.Update(wire, make([]byte, 512)); n != 0 {
			t.Errorf("%x is answered by %d bytes", wire, n)
		}
	}
}

func TestUpdateAnswerThatDoesNotFit(t *testing.T) {
	long := strings.Repeat(strings.Repeat("k", 63)+".", 3)
	o := newOverlay(t, Options{Hosts: []string{strings.Repeat("h", 63) + "." + long[:128] + "tw"}, Keys: []Key{{Name: long, Algorithm: "hmac-sha512", Secret: secret}}})
	var zone string
	for a := range o.zones {
		zone, _, _ = dns.UnpackDomainName([]byte(a), 0)
	}
	m := new(dns.Msg).SetUpdate(zone)
	m.Ns = records(t, dns.ClassINET, zone+` 60 TXT "one"`)
	m.SetEdns0(4096, false)
	wire, _ := sign(t, m, Key{Name: long, Algorithm: "hmac-sha512", Secret: secret})
	dst := make([]byte, 512)
	r := new(dns.Msg)
	if err := r.Unpack(dst[:o.Update(wire, dst)]); err != nil {
		t.Fatal(err)
	}
	if r.Rcode != dns.RcodeSuccess || !r.Truncated || o.Len() != 1 {
		t.Errorf("expected NOERROR, truncated, got\n%v", r)
	}
}

func TestIsUpdate(t *testing.T) {
	o := updateOverlay(t)
	wire, _ := sign(t, newUpdate(), testKey)
	query, err := new(dns.Msg).SetQuestion(apex, dns.TypeSOA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := new(dns.Msg).SetUpdate("example.tw.").Pack()
	if err != nil {
		t.Fatal(err)
	}
	capitals := newUpdate()
	capitals.Question[0].Name = "_ACME-Challenge.NS1.Example.TW."
	upper, _ := sign(t, capitals, testKey)
	for name, c := range map[string]struct {
		wire []byte
		want bool
	}{
		"update": {wire, true}, "capitals": {upper, true}, "query": {query, false}, "another zone": {elsewhere, false},
		"cut in the name": {wire[:20], false}, "nothing": {nil, false},
	} {
		if got := o.IsUpdate(c.wire); got != c.want {
			t.Errorf("%s: %v, expected %v", name, got, c.want)
		}
	}
	if (*Overlay)(nil).IsUpdate(wire) {
		t.Error("no overlay takes updates")
	}
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOverlay(t, Options{Hosts: []string{"ns1.example.tw"}, Lifetime: time.Minute})
		present := func(value string) {
			if err := o.Present(apex, value); err != nil {
				t.Fatal(err)
			}
		}
		present("one")
		time.Sleep(30 * time.Second)
		present("two")
		time.Sleep(29 * time.Second)
		present("two") // lives on from now
		for _, c := range []struct {
			later time.Duration
			want  string
		}{{0, `"one""two"`}, {time.Second, `"two"`}, {58 * time.Second, `"two"`}, {time.Second, "NODATA"}} {
			time.Sleep(c.later)
			synctest.Wait()
			if got := lookUp(t, o, apex); got != c.want {
				t.Errorf("%s, expected %s", got, c.want)
			}
		}
	})
}

func TestBounds(t *testing.T) {
	o := newOverlay(t, Options{Hosts: []string{"ns1.example.tw"}})
	for i := range DefaultMaxRecords {
		if err := o.Present(apex, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, value string
		want        error
	}{
		{apex, "one more", ErrFull},
		{"_acme-challenge.ns9.example.tw", "x", ErrNotOurs},
		{apex, strings.Repeat("x", 256), ErrTooLong},
	} {
		if err := o.Present(c.name, c.value); err == nil || !strings.Contains(err.Error(), c.want.Error()) {
			t.Errorf("%s: %v, expected %v", c.name, err, c.want)
		}
	}
	if err := o.Present(apex, "0"); err != nil {
		t.Errorf("what is there can be presented again: %v", err)
	}
	o.Close()
	if err := o.Present(apex, "0"); err == nil || lookUp(t, o, apex) != "NODATA" {
		t.Errorf("after Close: %v, %s", err, lookUp(t, o, apex))
	}
}

func TestNewRefuses(t *testing.T) {
	host := []string{"ns1.example.tw"}
	for name, c := range map[string]struct {
		opts Options
		want string
	}{
		"no host":        {Options{}, "no hosts"},
		"root":           {Options{Hosts: []string{"."}}, "no name of a host"},
		"bad name":       {Options{Hosts: []string{"a..b"}}, "empty label"},
		"long name":      {Options{Hosts: []string{strings.Repeat("a.", 120)}}, "too long"},
		"weak algorithm": {Options{Hosts: host, Keys: []Key{{Name: "k", Algorithm: "hmac-md5", Secret: secret}}}, "hmac-md5"},
		"short secret":   {Options{Hosts: host, Keys: []Key{{Name: "k", Secret: "c2hvcnQ="}}}, "5 bytes"},
		"no base64":      {Options{Hosts: host, Keys: []Key{{Name: "k", Secret: "not base64 at all!"}}}, "base64"},
		"no key name":    {Options{Hosts: host, Keys: []Key{{Secret: secret}}}, "empty label"},
		"key twice":      {Options{Hosts: host, Keys: []Key{{Name: "k", Secret: secret}, {Name: "K.", Secret: secret}}}, "twice"},
	} {
		_, err := New(c.opts)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "not base64 at all!") {
			t.Errorf("%s: the error tells the secret: %v", name, err)
		}
	}
}

func FuzzUpdate(f *testing.F) {
	change := newUpdate()
	change.Answer = []dns.RR{empty(apex, dns.TypeTXT, dns.ClassNONE)}
	change.Ns = append(records(f, dns.ClassINET, apex+` 60 TXT "one" "two"`), empty(apex, dns.TypeANY, dns.ClassANY))
	change.SetEdns0(1232, true)
	plain, err := change.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain, false)
	f.Add(plain, true)
	signed, _ := sign(f, change, testKey)
	f.Add(signed, false)
	f.Add([]byte{}, true)
	bare, _ := sign(f, newUpdate(), testKey)
	f.Add(append(bytes.Clone(bare[:headerBytes+len(apex)+1+4]), "\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00"...), false)
	o := updateOverlay(f)
	key, err := testKey.check()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, wire []byte, mayChange bool) {
		before := o.Len()
		if mayChange { // by one who has the key: sign whatever it is
			m := new(dns.Msg)
			if m.Unpack(wire) != nil {
				return
			}
			m.SetTsig(key.Name, key.Algorithm, fudgeSeconds, time.Now().Unix())
			var err error
			if wire, _, err = dns.TsigGenerate(m, key.Secret, "", false); err != nil {
				return
			}
		}
		o.IsUpdate(wire)
		dst := make([]byte, 512)
		n := o.Update(wire, dst)
		if n == 0 {
			if len(wire) >= headerBytes && wire[2]&0x80 == 0 {
				t.Fatalf("no response to %x", wire)
			}
			return
		}
		r := new(dns.Msg)
		if err := r.Unpack(dst[:n]); err != nil || !r.Response || dst[0] != wire[0] || dst[1] != wire[1] {
			t.Fatalf("response %x to %x: %v", dst[:n], wire, err)
		}
		if after := o.Len(); after != before && (!mayChange || r.Rcode != dns.RcodeSuccess) || after > 3 {
			t.Fatalf("%d records, %d before, after %x with response\n%v", after, before, wire, r)
		}
	})
}
