package contender

import (
	"fmt"
	"strconv"
	"strings"

	"yushan/bench/versus/outcome"
)

func corednsPlan(c *Contender, s *Setup) (plan, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "(zone) {\n  bind 127.0.0.1\n  file %s tw\n}\ndns://tw:%d {\n  import zone\n}\n", s.Zone, s.Ports.DNS)
	if s.Certificate != "" {
		for _, t := range []struct {
			scheme, block string
			port          uint16
		}{{"quic", "quic", s.Ports.Secure}, {"https3", "https3", s.Ports.Web}} {
			fmt.Fprintf(&b, "%s://tw:%d {\n  import zone\n  tls %s %s\n  %s {\n    max_connections %d\n  }\n}\n", t.scheme, t.port, s.Certificate, s.Key, t.block, clients)
		}
	}
	return plan{
		files: []outcome.File{{Name: "Corefile", Text: b.String()}},
		args:  []string{"-quiet", "-conf", "Corefile"},
		env:   []string{"GOMAXPROCS=" + strconv.Itoa(s.Workers)},
	}, nil
}
