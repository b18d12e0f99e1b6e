package contender

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"yushan/bench/versus/outcome"
)

func yushanPlan(c *Contender, s *Setup) (plan, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: [127.0.0.1:%d]\nudp: {workers: %d}\n", s.Ports.DNS, s.Workers)
	limits := func(indent string, lines ...string) {
		if s.Loaded {
			for _, line := range append([]string{fmt.Sprintf("max-connections-per-client: %d", clients), "idle-timeout: 60s"}, lines...) {
				fmt.Fprintf(&b, "%s%s\n", indent, line)
			}
		}
	}
	if s.Loaded {
		b.WriteString("tcp:\n")
		limits("  ")
	}
	if s.Certificate != "" {
		const handshakes, streams = "max-handshakes-per-second: 1000000", "max-streams: 256"
		fmt.Fprintf(&b, "certificates: [{name: main, certificate-file: %s, key-file: %s}]\n", s.Certificate, s.Key)
		fmt.Fprintf(&b, "dot:\n  listen: [127.0.0.1:%d]\n", s.Ports.Secure)
		limits("  ", handshakes)
		fmt.Fprintf(&b, "doh:\n  listen: [127.0.0.1:%d]\n", s.Ports.Web)
		limits("  ", handshakes)
		if s.Loaded {
			b.WriteString("  http3:\n")
			limits("    ", handshakes, streams)
		}
		fmt.Fprintf(&b, "doq:\n  listen: [127.0.0.1:%d]\n", s.Ports.Secure)
		limits("  ", handshakes, streams)
	}
	fmt.Fprintf(&b, "zones: [{name: tw, file: %s}]\n", s.Zone)
	p := plan{
		files: []outcome.File{{Name: "yushan.yaml", Text: b.String()}},
		args:  []string{"serve", "--config", "yushan.yaml", "--log-level", "warn"},
	}
	if s.Compiled {
		p.files[0].Text += "storage: storage\n"
		p.compiled = filepath.Join(s.Dir, "storage", "images", "tw.image")
	}
	if s.Confined {
		p.env = []string{"GOMAXPROCS=" + strconv.Itoa(s.Workers)}
	}
	return p, nil
}
