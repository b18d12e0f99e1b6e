package contender

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"yushan/bench/versus/outcome"
)

func nsdPlan(c *Contender, s *Setup) (plan, error) {
	secure, limits, database := "", "", `""`
	if s.Certificate != "" {
		secure = fmt.Sprintf("    ip-address: 127.0.0.1@%[1]d\n    tls-port: %[1]d\n    tls-service-key: %[2]s\n    tls-service-pem: %[3]s\n", s.Ports.Secure, s.Key, s.Certificate)
	}
	if s.Loaded {
		limits = fmt.Sprintf("    tcp-count: %d\n    tcp-timeout: 60\n", clients)
	}
	if s.Compiled {
		database = filepath.Join(s.Dir, "nsd.db")
	}
	config := fmt.Sprintf(`server:
    ip-address: 127.0.0.1@%d
%s%s    server-count: %d
    username: ""
    zonesdir: %q
    database: %s
    pidfile: "nsd.pid"
    zonelistfile: "zone.list"
    xfrdfile: "xfrd.state"
    xfrdir: "."
    minimal-responses: yes
    answer-cookie: no
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: tw
    zonefile: %q
`, s.Ports.DNS, secure, limits, s.Workers, s.Dir, database, s.Zone)
	p := plan{files: []outcome.File{{Name: "nsd.conf", Text: config}}, args: []string{"-d", "-c", "nsd.conf"}}
	if s.Compiled {
		p.compiled = database
	}
	return p, nil
}

// nsdRemark says what in NSD's build matters beside others, by what "nsd -v" prints of how
// it was configured; "" if nothing does.
func nsdRemark(text string) string {
	const flag = "--disable-recvmmsg"
	if !slices.Contains(strings.Fields(text), flag) {
		return ""
	}
	return "built with " + flag + ", as its -v says: it receives and sends one UDP message a system call. Without that flag NSD may need less time"
}
