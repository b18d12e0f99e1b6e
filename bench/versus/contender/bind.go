package contender

import (
	"fmt"
	"path/filepath"
	"strconv"

	"yushan/bench/versus/outcome"
)

func bindPlan(c *Contender, s *Setup) (plan, error) {
	definitions, listeners, limits := "", "", ""
	if s.Certificate != "" {
		definitions = fmt.Sprintf("tls main { cert-file %q; key-file %q; session-tickets yes; };\nhttp main { endpoints { \"/dns-query\"; }; listener-clients 0; streams-per-connection 0; };\n", s.Certificate, s.Key)
		listeners = fmt.Sprintf("    listen-on port %d tls main { 127.0.0.1; };\n    listen-on port %d tls main http main { 127.0.0.1; };\n", s.Ports.Secure, s.Ports.Web)
	}
	if s.Loaded {
		limits = fmt.Sprintf("    tcp-clients %d;\n    tcp-idle-timeout 600;\n", clients)
	}
	p := plan{args: []string{"-n", strconv.Itoa(s.Workers), "-U", strconv.Itoa(s.Workers), "-f", "-c", "named.conf"}}
	zone, format := s.Zone, "text"
	if s.Compiled {
		zone, format = filepath.Join(s.Dir, "tw.raw"), "raw"
		p.compiled = zone
		p.before = []string{"named-compilezone", "-i", "none", "-k", "ignore", "-n", "ignore", "-F", "raw", "-o", zone, "tw", s.Zone}
	}
	config := fmt.Sprintf(`%soptions {
    directory %q;
    pid-file none;
    lock-file none;
    session-keyfile "session.key";
    managed-keys-directory ".";
    listen-on port %d { 127.0.0.1; };
%s%s    listen-on-v6 { none; };
    recursion no;
    allow-transfer { none; };
    notify no;
    dnssec-validation no;
    empty-zones-enable no;
    minimal-responses yes;
    answer-cookie no;
    check-integrity no;
};
controls { };
zone tw { type primary; file %q; masterfile-format %s; check-names ignore; };
`, definitions, s.Dir, s.Ports.DNS, listeners, limits, zone, format)
	p.files = []outcome.File{{Name: "named.conf", Text: config}}
	return p, nil
}
