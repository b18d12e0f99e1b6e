package master

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// samples are RDATA of each type that miekg/dns reads.
var samples = map[string][]string{
	"A":        {"192.0.2.1", "0.0.0.0", "255.255.255.255"},
	"AAAA":     {"2001:db8::1", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "2001:DB8::A", "::ffff:192.0.2.1", "1:2:3:4:5:6:7::", "64:ff9b::192.0.2.33", "1:2:3:4:5:6:1.2.3.4"},
	"AFSDB":    {"1 afs", "1 afs.example.net."},
	"AMTRELAY": {"10 0 0 .", "10 1 1 192.0.2.1", "10 0 2 2001:db8::1", "10 1 3 relay", "128 0 3 relay.example.net."},
	"APL":      {"", "1:192.0.2.0/24", "!1:192.0.2.0/25 2:2001:db8::/32", "1:0.0.0.0/0"},
	"AVC":      {"app", `"app name" x`},
	"CAA":      {`0 issue "ca.example.net; account=1"`, `128 issuewild ";"`, `0 iodef mailto:x@example.`, `0 issue ""`},
	"CDNSKEY":  {"257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==", "0 3 0 AA=="},
	"CDS":      {"60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", "0 0 0 00"},
	"CERT":     {"PGP 0 0 AQAB", "1 2 3 AQ AB", "PKIX 65535 RSASHA256 AQ=="},
	"CNAME":    {"target", "target.example.net.", "@", ".", `a\.b`, `a\046b.c`, "*.x", "_x._y", `\000.`},
	"CSYNC":    {"66 3 A NS AAAA", "0 0", "1 1 TYPE1000 TYPE65534"},
	"DHCID":    {"AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=", "AAIB Y2/A"},
	"DLV":      {"60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
	"DNAME":    {"target", "target.example.net."},
	"DNSKEY":   {"257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3", "256 3 8 AwEA Aaz/ tAm8", "0 255 255 AA==", "256 3 5 A w E A"},
	"DS": {"60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", "60485 RSASHA1 1 2BB183AF5F22588179A5 3B0A98631FAD1A292118",
		"60485 rsasha256 2 2bb183af5f22588179a53b0a98631fad1a2921182bb183af5f22588179a53b0a", "1 13 4 2bb183af5f22588179a53b0a98631fad1a2921182bb183af5f22588179a53b0a2bb183af5f22588179a53b0a98631fad",
		"0 0 99 0", "0 0 99 00", "0 0 99 0 0", "0 0 99 000 0 00"},
	"EID":        {"E32C6F78163A9348", "E3 2C"},
	"EUI48":      {"00-00-5e-00-53-2a", "FF-FF-FF-FF-FF-FF"},
	"EUI64":      {"00-00-5e-ef-10-00-00-2a"},
	"GID":        {"100", "4294967295"},
	"GPOS":       {"-32.6882 116.8652 10.0"},
	"HINFO":      {"PC-Intel-700mhz Linux", `"a b" "c d"`, `x ""`},
	"HIP":        {"2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cI rvs", "2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cI", "2 2001 AQAB a.b. c"},
	"HTTPS":      {"0 alias", "1 .", `1 . alpn=h2,h3 port=443`, `1 @ ipv4hint=192.0.2.1 ipv6hint=2001:db8::1 alpn="h2,h3"`, `1 . mandatory=alpn alpn=h2 no-default-alpn key65333=x`, `1 . ech="AEn+DQBFKwAgACABWIHUGj4u+PIggYXcR5JF0gYk3dCRioBW8uJq9H4mKAAIAAEAAQABAANAEnB1YmxpYy50bHMtZWNoLmRldgAA"`},
	"IPSECKEY":   {"10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==", "10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==", "10 2 2 2001:db8::1 AQNR U3mG", "10 3 2 gw AQNR", "10 3 0 gw.example.net."},
	"ISDN":       {"150862028003217 004", "150862028003217"},
	"KEY":        {"256 3 8 AwEA"},
	"KX":         {"10 kx"},
	"L32":        {"10 10.1.2.0"},
	"L64":        {"10 2001:0DB8:1140:1000"},
	"LOC":        {"42 21 54 N 71 06 18 W -24m 30m", "52 14 05 N 00 08 50 E 10m", "32 7 19 S 116 2 25 E 10m", "42 N 71 W 0", "42 21 28.764 N 71 00 51.617 W -44m 2000m 10m 2m"},
	"LP":         {"10 l64-subnet", "10 l64.example.net."},
	"MB":         {"mail"},
	"MD":         {"mail"},
	"MF":         {"mail"},
	"MG":         {"mail"},
	"MINFO":      {"r e", "r.example.net. e.example.net."},
	"MR":         {"mail"},
	"MX":         {"10 mail", "0 .", "65535 mail.example.net."},
	"NAPTR":      {`100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp`, `100 10 "" "" "!^urn:cid:.+@([^\\.]+\\.)(.*)$!\\2!i" .`},
	"NID":        {"10 0014:4fff:ff20:ee64"},
	"NIMLOC":     {"32251968"},
	"NINFO":      {"x y"},
	"NS":         {"ns1", "NS1.Example.NET.", "@"},
	"NSAP-PTR":   {"foo"},
	"NSEC":       {"next A NS RRSIG NSEC", "@ NS TYPE1234", "a.b. a ns txt TYPE65535 ", "x A TYPE256 TYPE512"},
	"NSEC3":      {"1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM", "1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR", "1 0 65535 ff 2t7b4g4vsa5smi47k61mv5bv1a22bojr A"},
	"NSEC3PARAM": {"1 0 12 aabbccdd", "1 0 0 -"},
	"NXT":        {"next A MX", "next NS SOA"},
	"OPENPGPKEY": {"mQINBF AQAB"},
	"PTR":        {"host"},
	"PX":         {"10 a b"},
	"RESINFO":    {"qnamemin exterr=15-17 infourl=https://x/"},
	"RKEY":       {"0 255 1 KEYS"},
	"RP":         {"mbox txt", "mbox.x. ."},
	"RRSIG": {"A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTrPYGv07h108dUKGMeDPKijVCHX3DDKdfb+v6oB9wfuh3DTJXUAfI/M0zmO/zz8bW0Rznl8O3tGNazPwQKkRN20XPXV6nwwfoXmJQbsLNrLfkGJ5D6fwFm8nN+6pBzeDQfsS3Ap3o=",
		"TYPE1000 RSASHA256 3 86400 1048346663 0 2642 @ oJB1 W6WN Gv+l", "nsec3 13 0 0 21060207062815 19700101000000 0 . AA==", "SOA 8 1 1 20240229235959 20240229000000 1 x. AQAB"},
	"RT":     {"10 relay"},
	"SIG":    {"A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WN"},
	"SMIMEA": {"3 0 0 308201A2300D", "3 1 1 30 82"},
	"SOA":    {"ns1 hostmaster 2026073102 1800 900 604800 86400", "ns1 host\\.master.x. 4294967295 1h 15M 1w2d 1d1h1m1s", ". . 0 0 0 0 0"},
	"SPF":    {`"v=spf1 -all"`},
	"SRV":    {"0 5 5060 sip", "65535 0 0 ."},
	"SSHFP":  {"2 1 123456789abcdef67890123456789abcdef67890", "1 2 12 34"},
	"SVCB":   {"1 svc port=53 alpn=dot", `16 foo.example.net. alpn="f\\\\oo\\,bar,h2"`, `1 . dohpath=/dns-query{?dns}`, `1 foo key667=hello`, `1 foo key667="hello\210qoo"`},
	"TA":     {"60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
	"TALINK": {"a b"},
	"TLSA":   {"3 1 1 d2abde240d7cd3ee6b4b28c54df034b9 7983a1d16e8a410e4561cb106618e971", "0 0 0 00"},
	"TXT": {"x", `"x"`, `""`, `"a b" c "d;e(f)g"`, `a\;b`, `"a\"b\\c\065\000\255"`, `\097bc`, `@`, `a\ b`, `"台灣"`, "台灣", `"` + strings.Repeat("x", 255) + `"`,
		strings.Repeat(`\120`, 255), `"a""b"`, "$ORIGIN"},
	"UID":    {"1"},
	"UINFO":  {`"a b"`, "x"},
	"URI":    {`10 1 "ftp://ftp1.example.com/public"`, "1 2 x"},
	"X25":    {"311061700956"},
	"ZONEMD": {"2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D29711E55217057BEE7EB1A7B641A47BA7FED2DD5B97AE499FAFA4F22C6BD647DE"},
}

// oneByUs and oneByMiekg read the same record. The data of both is in wire format.
func oneByUs(t testing.TB, text string) (Record, error) {
	t.Helper()
	records, _, err := readAll(t, map[string]string{"zone": text}, Options{Origin: mustName(t, "example"), DefaultTTL: 3600, Workers: 1, chunkBytes: 4096})
	if err == nil && len(records) != 1 {
		err = fmt.Errorf("%d records", len(records))
	}
	if err != nil {
		return Record{}, err
	}
	return records[0], nil
}

func oneByMiekg(text string) (rdata []byte, err error) {
	zp := dns.NewZoneParser(strings.NewReader(text+"\n"), "example.", "")
	zp.SetDefaultTTL(3600)
	rr, ok := zp.Next()
	if zp.Err() != nil || !ok {
		return nil, fmt.Errorf("no record: %v", zp.Err())
	}
	_, rdata, err = FromRR(rr)
	if err == nil && len(rdata) == 0 && rr.Header().Rrtype != dns.TypeAPL {
		return nil, fmt.Errorf("no RDATA") // as in an UPDATE, not in a zone
	}
	return rdata, err
}

func TestSamplesCoverAllTypes(t *testing.T) {
	for typ := range dns.TypeToRR {
		if name := dns.TypeToString[typ]; !isMeta(typ) && typ != dns.TypeNULL && len(samples[name]) == 0 {
			t.Errorf("no samples of type %s", name)
		}
	}
}

// Each record reads the same by miekg/dns and by us, in any layout.
func TestSameAsMiekg(t *testing.T) {
	for typ, texts := range samples {
		for _, data := range texts {
			if data == "" {
				continue
			}
			want, errTheirs := oneByMiekg("o 300 IN " + typ + " " + data)
			for _, layout := range []string{"o 300 IN %s %s", "o\t300\tIN\t%s\t%s\t; comment", "o 300 IN %s ( %s )", "o 300 IN %s ( ; (\n %s ; \"\n )",
				"o 300 in %s %s\r\n", "o IN 300 %s %s  ", "o.example. %s (\n%s\n)\n\n"} {
				text := fmt.Sprintf(layout, typ, data)
				checkSame(t, text, want, errTheirs)
				checkSame(t, fmt.Sprintf(layout, strings.ToLower(typ), data), want, errTheirs)
			}
			if !strings.ContainsAny(data, `"\`) {
				words := strings.Fields(data)
				checkSame(t, "o 300 "+typ+" ("+strings.Join(words, "\n\t")+")", want, errTheirs)
				checkSame(t, "o 300 "+typ+" "+strings.Join(words[:len(words)-1], "  ")+"\t(\r\n\t\t"+words[len(words)-1]+" ) ;)", want, errTheirs)
			}
		}
	}
}

func checkSame(t *testing.T, text string, want []byte, errTheirs error) {
	t.Helper()
	got, err := oneByUs(t, text)
	switch {
	case (err == nil) != (errTheirs == nil):
		t.Errorf("%s\nwe: %v\nmiekg/dns: %v", text, err, errTheirs)
	case err == nil && string(got.RDATA) != string(want):
		t.Errorf("%s\nwe: %x\nmiekg/dns: %x", text, got.RDATA, want)
	}
}
