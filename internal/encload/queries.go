package encload

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/miekg/dns"
)

// ReadQueries reads lines of a name and a type, as dnsperf's data files have them.
func ReadQueries(from io.Reader, edns bool) (queries [][]byte, err error) {
	lines := bufio.NewScanner(from)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], ";") {
			continue
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("line %d: %q: expected a name and a type", n, lines.Text())
		}
		rrtype, ok := dns.StringToType[strings.ToUpper(fields[1])]
		if !ok {
			return nil, fmt.Errorf("line %d: %q is not a type", n, fields[1])
		}
		m := new(dns.Msg).SetQuestion(dns.Fqdn(fields[0]), rrtype)
		m.Id, m.RecursionDesired = 0, false // RFC 9250 §4.2.1
		if edns {
			m.SetEdns0(1232, true)
		}
		message, err := m.Pack()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		queries = append(queries, message)
	}
	return queries, lines.Err()
}
