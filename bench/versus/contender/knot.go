package contender

import (
	"fmt"
	"strconv"
	"strings"

	"yushan/bench/versus/outcome"
)

func knotPlan(c *Contender, s *Setup) (plan, error) {
	secure, limits := "", ""
	if s.Certificate != "" && c.Does(DoT) {
		secure = fmt.Sprintf("    listen-tls: 127.0.0.1@%[1]d\n    listen-quic: 127.0.0.1@%[1]d\n    cert-file: %[2]q\n    key-file: %[3]q\n    quic-max-clients: %[4]d\n", s.Ports.Secure, s.Certificate, s.Key, clients)
	}
	if s.Loaded {
		limits = fmt.Sprintf("    tcp-max-clients: %d\n    tcp-idle-timeout: 60\n", clients)
	}
	config := fmt.Sprintf(`server:
    listen: 127.0.0.1@%d
%s%s    rundir: %q
    udp-workers: %[5]d
    tcp-workers: %[5]d
    background-workers: %[5]d
    answer-rotation: off
log:
  - target: stderr
    any: notice
database:
    storage: %[4]q
zone:
  - domain: tw
    file: %[6]q
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
`, s.Ports.DNS, secure, limits, s.Dir, s.Workers, s.Zone)
	return plan{files: []outcome.File{{Name: "knot.conf", Text: config}}, args: []string{"-c", "knot.conf"}}, nil
}

// knotEncrypts tells whether a version has DoT and DoQ, which came with 3.4 and 3.3.
func knotEncrypts(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return errA == nil && errB == nil && (a > 3 || a == 3 && b >= 4)
}
