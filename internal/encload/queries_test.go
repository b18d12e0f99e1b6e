package encload

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestReadQueries(t *testing.T) {
	list, err := ReadQueries(strings.NewReader("www.example.tw. AAAA\n; a comment\n\nexample.tw ds\n"), true)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []dns.Question{{Name: "www.example.tw.", Qtype: dns.TypeAAAA, Qclass: dns.ClassINET}, {Name: "example.tw.", Qtype: dns.TypeDS, Qclass: dns.ClassINET}} {
		m := new(dns.Msg)
		if i >= len(list) || m.Unpack(list[i]) != nil || m.Id != 0 || m.Question[0] != want || m.IsEdns0() == nil || !m.IsEdns0().Do() {
			t.Errorf("query %d: %v: expected %v with ID 0 and DO", i, m, want)
		}
	}
	for _, bad := range []string{"example.tw.", "example.tw. A 3", "example.tw. NONE1", strings.Repeat("a", 64) + ".tw. A"} {
		if _, err := ReadQueries(strings.NewReader(bad), false); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %v: expected an error with its line", bad, err)
		}
	}
}

func FuzzReadQueries(f *testing.F) {
	f.Add("www.example.tw. A\n;\nexample.tw. NS\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ReadQueries(strings.NewReader(text), false)
		for _, query := range list {
			if err == nil && len(query) < 12+1+4 {
				t.Errorf("%q: a query of %d bytes", text, len(query))
			}
		}
	})
}
