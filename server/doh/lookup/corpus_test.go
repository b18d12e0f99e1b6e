package lookup_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/miekg/dns"

	"yushan/examples/lab"
)

// recordTexts are records of every type that the page decodes and miekg/dns can
// read, with what their forms have of special cases.
var recordTexts = []string{
	`a.tw. 0 IN A 192.0.2.255`,
	`a.tw. 4294967295 IN A 0.0.0.0`,
	`a.tw. 3600 CH A 192.0.2.1`,
	`a.tw. 3600 CLASS77 TXT "another class"`,
	`aaaa.tw. 60 IN AAAA 2001:db8::1`,
	`aaaa.tw. 60 IN AAAA ::`,
	`aaaa.tw. 60 IN AAAA ::1`,
	`aaaa.tw. 60 IN AAAA 2001:db8:0:1:0:0:0:1`,
	`aaaa.tw. 60 IN AAAA 2001:0:0:1:0:0:1:1`,
	`aaaa.tw. 60 IN AAAA 2001:db8:1:1:1:1:0:1`,
	`aaaa.tw. 60 IN AAAA 1:2:3:4:5:6:7:0`,
	`ns.tw. 86400 IN NS .`,
	`xn--9z2ax7c.xn--kpry57d. 86400 IN NS xn--b5q.xn--9z2ax7c.xn--kpry57d.`,
	`a\.b\\c\032\000\255\(\)\;\@\$\".tw. 60 IN CNAME Mixed.Case\.TW.`,
	`tw. 60 IN SOA a.dns.tw. host\.master.nic.tw. 4294967295 3600 900 1209600 300`,
	`ptr.tw. 60 IN PTR host.tw.`,
	`dname.tw. 60 IN DNAME other.tw.`,
	`mx.tw. 60 IN MX 65535 mail.tw.`,
	`txt.tw. 60 IN TXT "" "a \"quoted\" \\ one; (two)" "\000\031\127\255" "測試區"`,
	`spf.tw. 60 IN SPF "v=spf1 -all"`,
	`hinfo.tw. 60 IN HINFO "PDP-11" "UNIX V6"`,
	`minfo.tw. 60 IN MINFO r.tw. e.tw.`,
	`rp.tw. 60 IN RP m.tw. t.tw.`,
	`afsdb.tw. 60 IN AFSDB 1 afs.tw.`,
	`x25.tw. 60 IN X25 311061700956`,
	`isdn.tw. 60 IN ISDN "150862028003217" "004"`,
	`rt.tw. 60 IN RT 10 relay.tw.`,
	`px.tw. 60 IN PX 10 map822.tw. mapx400.tw.`,
	`gpos.tw. 60 IN GPOS -32.6882 116.8652 10.0`,
	`srv.tw. 60 IN SRV 0 5 443 rdap.tw.`,
	`naptr.tw. 60 IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@nic.tw!" .`,
	`kx.tw. 60 IN KX 10 kx.tw.`,
	`cert.tw. 60 IN CERT 1 12345 8 MIICajCCAdOgAwIBAgICBEUwDQYJKoZIhvcNAQEFBQA=`,
	`loc.tw. 60 IN LOC 25 2 0.000 N 121 33 0.000 E 10.00m 20m 100m 10m`,
	`loc.tw. 60 IN LOC 90 0 0.000 S 180 0 0.000 W -100000.00m 0.00m 90000000m 0.01m`,
	`loc.tw. 60 IN LOC 0 0 59.999 N 0 59 0.001 E 42849672.95m 1m 10000m 10m`,
	`apl.tw. 60 IN APL 1:192.168.32.0/21 !1:192.168.38.0/28 2:2001:db8::/32 1:0.0.0.0/0`,
	`ds.tw. 60 IN DS 31589 13 2 CDB5E4FA1BA2D4A0B6C2B1D6F8C9E0A1B2C3D4E5F60718293A4B5C6D7E8F9012`,
	`cds.tw. 60 IN CDS 0 0 0 00`,
	`dlv.tw. 60 IN DLV 31589 13 1 CDB5E4FA1BA2D4A0B6C2B1D6F8C9E0A1B2C3D4E5`,
	`ta.tw. 60 IN TA 31589 13 1 CDB5E4FA1BA2D4A0B6C2B1D6F8C9E0A1B2C3D4E5`,
	`dnskey.tw. 60 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==`,
	`cdnskey.tw. 60 IN CDNSKEY 0 3 0 AA==`,
	`key.tw. 60 IN KEY 256 3 8 AwEAAbs=`,
	`rkey.tw. 60 IN RKEY 0 1 8 AwEAAbs=`,
	`tw. 60 IN RRSIG SOA 13 1 3600 20261208203114 20261124193114 38043 tw. GSIPUMvKNXYsnXbtgCEv09JoW9odFgrgQ8ngQ0xYKb0xP2RXHPWPecLDjmV+5NdLIQxw/zb5linjfKV2aDV4jA==`,
	`tw. 60 IN RRSIG TYPE65280 13 1 3600 20380119031408 19700101000000 38043 xn--kpry57d. GSIPUMvKNXYs`,
	`tw. 60 IN NSEC a.tw. A NS SOA MX TXT AAAA RRSIG NSEC DNSKEY CAA TYPE65280 TYPE65535`,
	`tw. 60 IN NSEC \000.a.tw. RRSIG NSEC`,
	`0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.tw. 60 IN NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM`,
	`0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.tw. 60 IN NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr`,
	`tw. 60 IN NSEC3PARAM 1 0 0 -`,
	`tw. 60 IN NSEC3PARAM 1 1 65535 aabbccdd`,
	`tlsa.tw. 60 IN TLSA 3 1 1 8D02536C887482BC34FF54E41D2BA659BF85B341A0A20AFADB5813DCFBCF286D`,
	`smimea.tw. 60 IN SMIMEA 3 0 0 8D02`,
	`sshfp.tw. 60 IN SSHFP 4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789`,
	`ipseckey.tw. 60 IN IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==`,
	`ipseckey.tw. 60 IN IPSECKEY 10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==`,
	`ipseckey.tw. 60 IN IPSECKEY 10 2 2 2001:db8::1 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==`,
	`ipseckey.tw. 60 IN IPSECKEY 10 3 2 gateway.tw. AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==`,
	`amtrelay.tw. 60 IN AMTRELAY 10 0 1 203.0.113.15`,
	`amtrelay.tw. 60 IN AMTRELAY 10 1 0 .`,
	`dhcid.tw. 60 IN DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=`,
	`hip.tw. 60 IN HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e19WzK00+CI6zBCQTdtWsuxKbWIy87UOoJTwkUs7lBu+Upr1gsNrut79ryra+bSRGQb1slImA8YVJyuIDsj7kwzG7jnERNqnWxZ48AWkskmdHaVDP4BcelrTI3rMXdXF5D rvs1.tw. rvs2.tw.`,
	`ninfo.tw. 60 IN NINFO "a" "b"`,
	`talink.tw. 60 IN TALINK a.tw. b.tw.`,
	`openpgpkey.tw. 60 IN OPENPGPKEY mQENBFVHm5sBCADSiw==`,
	`csync.tw. 60 IN CSYNC 66 3 A NS AAAA`,
	`zonemd.tw. 60 IN ZONEMD 2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D29711E55217057BEE7EB1A7B641A47BA7FED2DD5B97AE499FAFA4F22C6BD647DE`,
	`svcb.tw. 60 IN SVCB 0 alias.tw.`,
	`svcb.tw. 60 IN SVCB 1 . alpn=dot,doq,h2,h3 dohpath=/dns-query{?dns}`,
	`svcb.tw. 60 IN SVCB 16 svc.tw. mandatory=alpn,port alpn="a\\,b,c\\\\d" no-default-alpn port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech="AEj+DQBE" ipv6hint=2001:db8::1,::1 ohttp key667="hello world;\"\000\255" key668`,
	`https.tw. 60 IN HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.100 ipv6hint=2001:db8:100::80`,
	`uid.tw. 60 IN UID 1000`,
	`gid.tw. 60 IN GID 1000`,
	`nid.tw. 60 IN NID 10 0014:4fff:ff20:ee64`,
	`l32.tw. 60 IN L32 10 10.1.2.0`,
	`l64.tw. 60 IN L64 10 2001:0db8:1140:1000`,
	`lp.tw. 60 IN LP 10 l64-subnet1.tw.`,
	`eui48.tw. 60 IN EUI48 00-00-5e-00-53-2a`,
	`eui64.tw. 60 IN EUI64 00-00-5e-ef-10-00-00-2a`,
	`uri.tw. 60 IN URI 10 1 "ftp://ftp1.tw/\"public"`,
	`caa.tw. 60 IN CAA 0 issue "ca.example; validationmethods=dns-01"`,
	`caa.tw. 60 IN CAA 128 iodef ""`,
	`avc.tw. 60 IN AVC "app-name:WOLFGANG|app-class:OAM"`,
	`resinfo.tw. 60 IN RESINFO "qnamemin" "exterr=15-17"`,
	`md.tw. 60 IN MD a.tw.`, `mf.tw. 60 IN MF a.tw.`, `mb.tw. 60 IN MB a.tw.`, `mg.tw. 60 IN MG a.tw.`, `mr.tw. 60 IN MR a.tw.`,
	`unknown.tw. 60 IN TYPE65280 \# 6 0102030405FF`,
	`unknown.tw. 60 IN TYPE65281 \# 0`,
	`xn--ls8h.xn--kpry57d. 60 IN TXT "emoji"`,
	`xn--a.xn--zzzzzzzz.tw. 60 IN TXT "no U-labels"`,
}

// corpus are messages with one record each, messages with many that share
// names, and messages without any.
func corpus(t *testing.T) []*dns.Msg {
	t.Helper()
	var records []dns.RR
	for _, text := range recordTexts {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		records = append(records, rr)
	}
	for _, z := range lab.Zones {
		zone, err := z.Read(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if zone, _, err = z.Sign(context.Background(), zone); err != nil {
			t.Fatal(err)
		}
		records = append(records, zone...)
	}
	random := rand.New(rand.NewPCG(3, 8484))
	var messages []*dns.Msg
	add := func(answer, authority, additional []dns.RR) {
		m := &dns.Msg{Answer: answer, Ns: authority, Extra: additional, Compress: random.IntN(4) > 0}
		m.Id = uint16(random.Uint32())
		m.Response, m.Authoritative, m.Truncated = random.IntN(2) > 0, random.IntN(2) > 0, random.IntN(2) > 0
		m.RecursionDesired, m.RecursionAvailable, m.Zero = random.IntN(2) > 0, random.IntN(2) > 0, random.IntN(2) > 0
		m.AuthenticatedData, m.CheckingDisabled = random.IntN(2) > 0, random.IntN(2) > 0
		m.Opcode, m.Rcode = random.IntN(16), random.IntN(16)
		if len(answer) > 0 {
			h := answer[0].Header()
			m.Question = []dns.Question{{Name: h.Name, Qtype: h.Rrtype, Qclass: h.Class}}
		}
		if random.IntN(2) > 0 {
			m.Extra = append(m.Extra, randomOPT(random))
			m.Rcode = random.IntN(4096)
		}
		messages = append(messages, m)
	}
	for _, rr := range records {
		add([]dns.RR{rr}, nil, nil)
	}
	for range 200 {
		pick := func() []dns.RR {
			out := make([]dns.RR, random.IntN(12))
			at := random.IntN(len(records))
			for i := range out {
				out[i] = records[(at+i)%len(records)]
			}
			return out
		}
		add(pick(), pick(), pick())
	}
	return messages
}

func randomOPT(random *rand.Rand) *dns.OPT {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(uint16(random.Uint32()))
	opt.SetVersion(uint8(random.Uint32()))
	opt.SetDo(random.IntN(2) > 0)
	for range random.IntN(4) {
		var option dns.EDNS0
		switch random.IntN(6) {
		case 0:
			option = &dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: hex.EncodeToString([]byte("yushan-lab"))}
		case 1:
			option = &dns.EDNS0_EDE{InfoCode: uint16(random.IntN(40)), ExtraText: "because"}
		case 2:
			option = &dns.EDNS0_PADDING{Padding: make([]byte, random.IntN(468))}
		case 3:
			option = &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE, Timeout: uint16(1 + random.IntN(65535))}
		case 4:
			option = &dns.EDNS0_LOCAL{Code: dns.EDNS0ZONEVERSION, Data: []byte{1, 0, 0x78, 0xc3, 0x1f, 0xa5}}
		case 5:
			option = &dns.EDNS0_LOCAL{Code: 65001, Data: fmt.Appendf(nil, "%d", random.Uint64())}
		}
		opt.Option = append(opt.Option, option)
	}
	return opt
}
