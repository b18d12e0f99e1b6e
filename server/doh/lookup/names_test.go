package lookup_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// testText has what miekg/dns can't read or write.
func testText(t *testing.T, tab context.Context) {
	cases := []struct {
		rtype       uint16
		rdata, want string
	}{
		{dns.TypeAMTRELAY, "0a 83 0572656c6179027477 00", "10 1 3 relay.tw."},
		{66, "003b 01 14ef 06736967737663 027477 00", "CDS 1 5359 sigsvc.tw."},
		{67, "83780202", "g3gCAg=="},
		{262, "03455448 0a30786465616462656566", `"ETH" "0xdeadbeef"`},
		{dns.TypeSVCB, "0001 00 0009 0004 001d 0017", "1 . tls-supported-groups=29,23"},
		{dns.TypeSVCB, "0001 00 ffff 0000", "1 . key65535"},
		{dns.TypeX25, "03 2261 20", `"\"a "`},
		{dns.TypeURI, "000a 0001 61 5c", `10 1 "a\\"`},
		{dns.TypeAAAA, "00000000000000000000ffffc0000201", "::ffff:192.0.2.1"},
		{dns.TypeNXNAME, "", `\# 0`},
		{dns.TypeNULL, "00ff", `\# 2 00FF`},
	}
	var wires [][]byte
	for _, c := range cases {
		rdata := unhex(t, c.rdata)
		wires = append(wires, unhex(t, fmt.Sprintf("0000 8400 0000 0001 0000 0000  00 %04x 0001 00000000 %04x %x", c.rtype, len(rdata), rdata)))
	}
	for i, got := range decode(t, tab, wires) {
		c := cases[i]
		if got.Problem != "" || len(got.Answer) != 1 || got.Answer[0].Problem != "" || got.Answer[0].Text != c.want {
			t.Errorf("type %d, %s: got %+v %s, want %s", c.rtype, c.rdata, got.Answer, got.Problem, c.want)
		}
	}
}

const namesScript = `(async (texts) => {
	const { NameError, parseName } = await import("/lookup/name.js");
	return texts.map((text) => {
		try {
			const name = parseName(text);
			return { wire: Array.from(name.wire, (b) => b.toString(16).padStart(2, "0")).join(""), unicode: name.unicode };
		} catch (error) {
			return error instanceof NameError ? { error: error.message } : { thrown: String(error.stack) };
		}
	});
})`

// A name becomes the same in the page as on the command line and in zone files.
func testNames(t *testing.T, tab context.Context) {
	type parsed struct{ Wire, Unicode, Error, Thrown string }
	good := []string{
		".", "tw", "tw.", "NIC.tw", "資訊.台灣", "www.資訊.台灣.", "xn--9z2ax7c.xn--kpry57d", "XN--9Z2AX7C.xn--kpry57d",
		"_853._tcp.a.dns.tw", "_dns.資訊.台灣", "*.apps.nic.tw", "0/25.2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa", "127", "0x7f.1",
		`a\.b.tw`, `a\\b.tw`, `\000\255\032.tw`, `\@.tw`, "bücher.tw", "faß.tw", "ÄÖÜ.tw", "日本語.台灣", "한국.tw", "ελληνικός.tw", "россия.tw",
		"עברית.tw", "العربية.tw", "１２７.tw", "ＡＢＣ.tw", "a-.tw", "-a.tw", "ab--cd.tw", "💩.tw", "a$b.tw", "a%41b.tw", "a'b\".tw",
		strings.Repeat("a", 63) + ".tw", strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("a", 61),
		"xn--a.tw", "xn--.tw", "xn--zzzzzzzz99999999.tw", "xn--a-ecp.tw", "xn--fa-hia.tw", "xn--abc-.tw", "xn--abc.tw", "xn--0.tw", "xn---.tw",
		"ไทย.tw", "नमस्ते.tw", "ﾊﾝｶｸ.tw", "ﬁ.tw",
	}
	for i, got := range call[[]parsed](t, tab, namesScript, good) {
		wire, err := dname.ParseFQDN(good[i])
		if err != nil {
			t.Fatalf("%s: %v", good[i], err)
		}
		want := hex.EncodeToString(wire)
		if got.Wire != want || got.Unicode != dname.Unicode(wire) {
			t.Errorf("%q: got %+v, want %s %s", good[i], got, want, dname.Unicode(wire))
		}
	}

	dots := []string{"資訊。台灣", "資訊．台灣｡", " 資訊.台灣 "}
	for i, got := range call[[]parsed](t, tab, namesScript, dots) {
		if want := "0b786e2d2d397a32617837630b786e2d2d6b70727935376400"; got.Wire != want {
			t.Errorf("%q: got %+v, want %s", dots[i], got, want)
		}
	}

	bad := map[string]string{
		"":                              "Type a name; “.” is the root.",
		"   ":                           "Type a name; “.” is the root.",
		"..":                            "The name has an empty label: two dots in a row, or one at the start.",
		"a..tw":                         "The name has an empty label: two dots in a row, or one at the start.",
		".tw":                           "The name has an empty label: two dots in a row, or one at the start.",
		"a b.tw":                        `A space or control character in a name is written as \032, by its decimal number.`,
		`a\`:                            "A backslash ends the name.",
		`a\25`:                          `“\25”: a backslash is followed by three digits up to 255, or by one other character.`,
		`a\256`:                         `“\256”: a backslash is followed by three digits up to 255, or by one other character.`,
		`\資.tw`:                         `“\資”: only ASCII characters can be escaped.`,
		`資\046.tw`:                      "“資.” is not a valid U-label.",
		"資%41.tw":                       "“資%41” is not a valid U-label.",
		"資/訊.tw":                        "“資/訊” is not a valid U-label.",
		"資#.tw":                         "“資#” is not a valid U-label.",
		"資@訊.tw":                        "“資@訊” is not a valid U-label.",
		"資:80.tw":                       "“資:80” is not a valid U-label.",
		"資?.tw":                         "“資?” is not a valid U-label.",
		"a\u202eb.tw":                   "“a\u202eb” is not a valid U-label.",
		"\u00ad.tw":                     "“\u00ad” is not a valid U-label.",
		"אa.tw":                         "“אa” is not a valid U-label.",
		strings.Repeat("a", 64) + ".tw": "The label “" + strings.Repeat("a", 64) + "” has 64 bytes; 63 are the most.",
		strings.Repeat("資", 64) + ".tw": "The label “" + strings.Repeat("資", 64) + "” has ",
		strings.Repeat("abcdefg.", 32):  "The name has 257 bytes; 255 are the most.",
	}
	var texts []string
	for text := range bad {
		texts = append(texts, text)
	}
	for i, got := range call[[]parsed](t, tab, namesScript, texts) {
		if want := bad[texts[i]]; !strings.HasPrefix(got.Error, want) || got.Thrown != "" {
			t.Errorf("%q: got %+v, want the error %q", texts[i], got, want)
		}
	}
}

const queriesScript = `(async (queries) => {
	const { encodeQuery } = await import("/lookup/message.js");
	const { parseName } = await import("/lookup/name.js");
	return queries.map((q) => Array.from(encodeQuery({ ...q, name: parseName(q.name) }), (b) => b.toString(16).padStart(2, "0")).join(""));
})`

// What the page sends is what miekg/dns would.
func testQueries(t *testing.T, tab context.Context) {
	type edns struct {
		Do          bool `json:"do"`
		NSID        bool `json:"nsid"`
		ZoneVersion bool `json:"zoneVersion"`
		Padding     bool `json:"padding"`
	}
	type query struct {
		Name  string `json:"name"`
		Type  uint16 `json:"type"`
		Class uint16 `json:"class"`
		RD    bool   `json:"rd"`
		CD    bool   `json:"cd"`
		EDNS  *edns  `json:"edns"`
	}
	var queries []query
	for i := range 128 {
		bit := func(n int) bool { return i>>n&1 == 1 }
		q := query{Name: []string{".", "tw", "資訊.台灣", strings.Repeat("abcdefg.", 31)}[i%4], Type: []uint16{1, 65, 65535}[i%3], Class: 1, RD: bit(0), CD: bit(1)}
		if bit(2) {
			q.EDNS = &edns{bit(3), bit(4), bit(5), bit(6)}
			q.Class = 3
		}
		queries = append(queries, q)
	}
	for i, got := range call[[]string](t, tab, queriesScript, queries) {
		q := queries[i]
		wire := unhex(t, got)
		name, err := dname.ParseFQDN(q.Name)
		if err != nil {
			t.Fatal(err)
		}
		want := new(dns.Msg)
		want.Question = []dns.Question{{Name: dname.String(name), Qtype: q.Type, Qclass: q.Class}}
		want.RecursionDesired, want.CheckingDisabled = q.RD, q.CD
		if q.EDNS != nil {
			want.SetEdns0(1232, q.EDNS.Do)
			opt := want.IsEdns0()
			if q.EDNS.NSID {
				opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
			}
			if q.EDNS.ZoneVersion {
				opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: dns.EDNS0ZONEVERSION})
			}
			if q.EDNS.Padding {
				size := want.Len() + 4
				opt.Option = append(opt.Option, &dns.EDNS0_PADDING{Padding: make([]byte, (128-size%128)%128)})
				if len(wire)%128 != 0 {
					t.Errorf("%+v is padded to %d bytes", q, len(wire))
				}
			}
		}
		if packed := pack(t, want); string(packed) != string(wire) {
			t.Errorf("%+v, EDNS %+v:\ngot  %x\nwant %x", q, q.EDNS, wire, packed)
		}
	}
}

// The page's names of numbers are those of miekg/dns, where it has one.
func testRegistries(t *testing.T, tab context.Context) {
	got := call[struct {
		Types  map[uint16]string
		Rcodes map[int]string
		Errors []string
	}](t, tab, `(async () => {
		const { typeName, rcodeName, extendedErrors } = await import("/lookup/registry.js");
		const table = (n, name) => Object.fromEntries(Array.from({ length: n }, (_, i) => [i, name(i)]));
		return { types: table(65536, typeName), rcodes: table(24, rcodeName), errors: extendedErrors };
	})`, nil)
	other := map[uint16]string{0: "TYPE0", 65535: "TYPE65535", 23: "NSAP-PTR"} // miekg/dns: None, Reserved
	for number, name := range dns.TypeToString {
		if want, ok := other[number]; ok {
			name = want
		}
		if got.Types[number] != name {
			t.Errorf("type %d: got %q, want %q", number, got.Types[number], name)
		}
	}
	for number, name := range dns.RcodeToString {
		if number == dns.RcodeBadVers {
			name = "BADVERS"
		}
		if got.Rcodes[number] != name {
			t.Errorf("RCODE %d: got %q, want %q", number, got.Rcodes[number], name)
		}
	}
	for number, name := range dns.ExtendedErrorCodeToString {
		if int(number) >= len(got.Errors) || got.Errors[number] != name {
			t.Errorf("extended error %d: want %q", number, name)
		}
	}
}
