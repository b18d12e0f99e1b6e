package lookup_test

import (
	"bytes"
	"fmt"
	"os/exec"

	"yushan/internal/peer"
)

// commands runs what the page shows for a terminal: the server gets the query
// that it got from the page.
func (u user) commands() {
	bash := peer.Tool(u.T, "bash", "bash")
	peer.Tool(u.T, "kdig", "knot-dnsutils")
	peer.Tool(u.T, "dig", "bind9-dnsutils")
	peer.Tool(u.T, "curl", "curl")
	u.site.take()
	for _, link := range []string{
		"#資訊.台灣/TXT",
		"#資訊.台灣/TXT/post,do,padding,zoneversion,rd,cd",
		"#資訊.台灣/TXT/noedns",
		"#id.server/TXT/ch,nonsid",
		"#it's\\032here.資訊.台灣/TYPE65280/cd",
	} {
		u.follow(link)
		want := u.site.take()[0]
		for _, tool := range []string{"kdig", "dig", "curl"} {
			command := u.text("#command-" + tool)
			out, err := exec.CommandContext(u.Context(), bash, "-c", command).CombinedOutput()
			if err != nil {
				u.Errorf("%s: %v\n%s", command, err, out)
			}
			queries := u.site.take()
			if len(queries) == 0 {
				u.Errorf("%s: the server was not asked\n%s", command, out)
				continue
			}
			got := queries[0]
			if got.method != want.method || essence(got.wire) != essence(want.wire) {
				u.Errorf("%s: asked by %s\n%x\nthe page by %s\n%x", command, got.method, got.wire, want.method, want.wire)
			}
			if tool == "curl" && !bytes.Equal(got.wire, want.wire) {
				u.Errorf("%s: asked\n%x\nthe page\n%x", command, got.wire, want.wire)
			}
		}
	}
}

// essence is what queries that ask the same have in common: flags, question, and
// whether there is an OPT record, with its DO flag. They have no records but that.
func essence(query []byte) string {
	const header, optFlags = 12, 7
	end := header
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	end += 5
	do := false
	if len(query) > end {
		do = query[end+optFlags]&0x80 != 0
	}
	return fmt.Sprintf("flags %x, counts %x, question %x, DO %v", query[2:4], query[4:header], query[header:end], do)
}
