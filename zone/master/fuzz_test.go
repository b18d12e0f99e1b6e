package master

import (
	"bytes"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// FuzzRead reads any text in two ways, whole and in small pieces on several
// workers, with the same result, and compares it with what miekg/dns reads where
// both accept it.
func FuzzRead(f *testing.F) {
	zones, _ := filepath.Glob("testdata/*.zone")
	broken, _ := filepath.Glob("testdata/errors/*.zone")
	for i, path := range append(zones, broken...) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, byte(i))
	}
	for typ, texts := range samples {
		for _, data := range texts {
			f.Add([]byte("o 300 IN "+typ+" "+data+"\n"), byte(len(data)))
		}
	}
	for _, text := range []string{"", "\n", "$", "(", "\"", "\\", ";", "a A (\n1.2.3.4", "$ORIGIN x.\n  A 1.2.3.4\n", "a A 1.2.3.4\n NS b\n$TTL 5\n TXT (\n\"x\ny\" ) ; )\n",
		"$GENERATE 1-3/2 a${0,4,n} A 1.2.3.$\n", "\xef\xbb\xbfa 1h2m TXT x\r\n", "$INCLUDE zone\n$INCLUDE other x\n", "( a A 1.2.3.4 )\n(a A 1.2.3.4)\n"} {
		f.Add([]byte(text), byte(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, size byte) {
		files := map[string]string{"zone": string(text), "other": "x A 192.0.2.1\n NS y\n$TTL 7\n"}
		opts := Options{Origin: mustName(t, "example"), DefaultTTL: 3600, Workers: 1, chunkBytes: 4096, maxGenerate: 300}
		whole, result, errWhole := readAll(t, files, opts)
		opts.Workers, opts.chunkBytes = 3, 1+int(size)
		pieces, _, errPieces := readAll(t, files, opts)
		if w, p := message(errWhole), message(errPieces); w != p {
			t.Fatalf("errors when read whole:\n%s\nin pieces of %d:\n%s", w, opts.chunkBytes, p)
		}
		if w, p := show(t, whole, result.Files), show(t, pieces, result.Files); w != p {
			t.Fatalf("read whole:\n%s\nin pieces of %d:\n%s", w, opts.chunkBytes, p)
		}
		if errWhole == nil && !incomparable(text) {
			compareZone(t, whole, text)
		}
	})
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// What miekg/dns is known to read in another way, and the reasons:
//   - $INCLUDE isn't for it in this test, and $GENERATE is its own dialect: it
//     forgets $TTL, takes backslashes away, and keeps quotes.
//   - Bytes outside ASCII stay as they are in names, where ours are U-labels.
//   - A backslash at the end of a token, or before a digit, means nothing to it.
//   - A byte order mark is a part of its first owner.
//   - A blank anywhere before the first token says that there is no owner; to us,
//     as to BIND, only one that begins the line.
//   - NSEC3 hashes are all 20 bytes long to it.
var otherDialect = regexp.MustCompile(`(?im)^\(|\$INCLUDE|\$GENERATE|[^\x00-\x7f]|\\\s|\\[0-9]|NSEC3|TYPE50`)

func incomparable(text []byte) bool { return otherDialect.Match(text) }

// compareZone compares records with those that miekg/dns reads from the text, if
// it accepts it.
func compareZone(t *testing.T, records []Record, text []byte) {
	zp := dns.NewZoneParser(strings.NewReader(spaced(text)), "example.", "")
	zp.SetDefaultTTL(3600)
	var want []dns.RR
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if _, rdata, err := FromRR(rr); err != nil || len(rdata) == 0 && rr.Header().Rrtype != dns.TypeAPL {
			return
		}
		want = append(want, rr)
	}
	if zp.Err() != nil {
		return
	}
	if len(want) != len(records) {
		t.Fatalf("%d records, miekg/dns reads %d: %v", len(records), len(want), want)
	}
	for i, rr := range want {
		compare(t, records[i], rr)
	}
}

// spaced puts blanks around parentheses and before line ends inside them, where
// miekg/dns sees no end of a token.
func spaced(text []byte) string {
	var b strings.Builder
	for len(text) > 0 {
		end, e := recordEnd(text, 0)
		quoted, comment, paren, escaped := false, false, false, false
		for i, c := range text[:end] {
			switch {
			case escaped && c != '\n':
				escaped = false
			case c == '\\' && !comment:
				escaped = true
			case c == '"' && !comment:
				quoted = !quoted
			case quoted && (c != '\n' || paren):
			case c == ';':
				comment = true
			case c == '\n':
				comment, quoted, escaped = false, false, false
				if paren {
					b.WriteByte(' ')
				}
			case (c == '(' || c == ')') && !comment:
				paren = c == '('
				if i > 0 {
					b.WriteByte(' ')
				}
				b.WriteByte(c)
				if i > 0 {
					b.WriteByte(' ')
				}
				continue
			}
			b.WriteByte(c)
		}
		if text = text[end:]; !e.complete {
			break
		}
	}
	return b.String()
}

func FuzzAddress(f *testing.F) {
	for _, texts := range [][]string{samples["A"], samples["AAAA"], {"1.2.3.04", "1.2.3", "::1%lo", "1::2::3", "::ffff:1.2.3.256", "1:2:3:4:5:6:7:8::", ":1::", "00001::"}} {
		for _, text := range texts {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := netip.ParseAddr(text)
		if a, n, ok := parseIPv4([]byte(text + "\n")); (ok && n == len(text)) != (err == nil && want.Is4()) || ok && n == len(text) && want != netip.AddrFrom4(a) {
			t.Errorf("%q: %v %d %v; net/netip: %v, %v", text, a, n, ok, want, err)
		}
		if a, n, ok := parseIPv6([]byte(text + "\n")); (ok && n == len(text)) != (err == nil && want.Is6() && want.Zone() == "") || ok && n == len(text) && want != netip.AddrFrom16(a) {
			t.Errorf("%q: %v %d %v; net/netip: %v, %v", text, a, n, ok, want, err)
		}
	})
}

func TestParseDate(t *testing.T) {
	check := func(at time.Time) {
		text := at.UTC().Format("20060102150405")
		got, ok := parseDate([]byte(text))
		if want := at.Unix(); ok != (want >= 0 && want <= math.MaxUint32) || ok && int64(got) != want {
			t.Errorf("%s is %d, %v; expected %d", text, got, ok, want)
		}
	}
	for day := int64(-3); day < math.MaxUint32/86400+3; day++ {
		check(time.Unix(day*86400+day%86400, 0))
	}
	check(time.Unix(math.MaxUint32, 0))
	check(time.Unix(math.MaxUint32+1, 0))
	for _, text := range []string{"20260229000000", "20260001000000", "20261301000000", "20260100000000", "20260431000000", "20260101240000", "20260101006000", "20260101000060", "21000229000000"} {
		if got, ok := parseDate([]byte(text)); ok {
			t.Errorf("%s was taken for %d", text, got)
		}
	}
}

func TestSpaced(t *testing.T) {
	for text, want := range map[string]string{
		"a TXT (x\ny) ; (\n":      "a TXT  ( x \ny )  ; (\n",
		"a TXT \"(\" \\( (\n)\n(": "a TXT \"(\" \\(  (  \n ) \n(",
	} {
		if got := spaced([]byte(text)); got != want {
			t.Errorf("%q became %q, expected %q", text, got, want)
		}
	}
	if !bytes.Equal([]byte(spaced([]byte("a A 1.2.3.4"))), []byte("a A 1.2.3.4")) {
		t.Error("plain text changed")
	}
}
