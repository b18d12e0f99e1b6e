package peer

import (
	"fmt"
	"path/filepath"
	"strings"
)

// knotConfig writes the configuration of knotd for plain DNS. It signs nothing, keeps no
// journal and never writes a zone file back.
func knotConfig(s *instance) string {
	var b strings.Builder
	fmt.Fprintf(&b, `server:
    rundir: %[1]q
    listen: 127.0.0.1@%[2]d
    identity: ""
    version: ""
    nsid: ""
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: 1232
    tcp-idle-timeout: 60
    answer-rotation: off
control:
    listen: %[3]q
database:
    storage: %[1]q
log:
  - target: stderr
    any: notice
%[4]stemplate:
  - id: default
    storage: %[1]q
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
%[5]szone:
`, s.dir, s.port, filepath.Join(s.dir, "control"), knotTransfer(s), knotACL(s))
	for _, z := range s.zones {
		fmt.Fprintf(&b, "  - domain: %q\n    file: %q\n", z.Origin, z.File)
	}
	return b.String()
}

// knotTransfer says who may transfer zones.
func knotTransfer(s *instance) string {
	var keys, rules string
	if key, ok := s.transferKey(); ok {
		keys = fmt.Sprintf("key:\n  - id: %q\n    algorithm: %s\n    secret: %s\n", key.Name, key.Algorithm, key.Secret)
		rules += fmt.Sprintf("  - id: holders\n    key: %q\n    action: transfer\n", key.Name)
	}
	if s.opts.Transfer {
		rules += "  - id: anyone\n    address: 127.0.0.1\n    action: transfer\n"
	}
	if rules != "" {
		rules = "acl:\n" + rules
	}
	return keys + rules
}

func knotACL(s *instance) string {
	var rules []string
	if s.opts.TransferKey != nil {
		rules = append(rules, "holders")
	}
	if s.opts.Transfer {
		rules = append(rules, "anyone")
	}
	if rules == nil {
		return ""
	}
	return "    acl: [" + strings.Join(rules, ", ") + "]\n"
}

// nsdConfig writes the configuration of nsd. Debian builds it with response
// rate limiting, which counts every answer to 127.0.0.1 unless it is off.
func nsdConfig(s *instance) string {
	var b strings.Builder
	fmt.Fprintf(&b, `server:
    ip-address: 127.0.0.1
    port: %[2]d
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: %[1]q
    database: ""
    zonelistfile: %[3]q
    pidfile: %[4]q
    xfrdfile: %[5]q
    xfrdir: %[1]q
    hide-version: yes
    hide-identity: yes
    minimal-responses: yes
    round-robin: no
    ipv4-edns-size: 1232
    tcp-count: 200
    tcp-timeout: 60
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    answer-cookie: no
    zonefiles-write: 0
    verbosity: 1
%[6]sremote-control:
    control-enable: no
`, s.dir, s.port, filepath.Join(s.dir, "zone.list"), filepath.Join(s.dir, "nsd.pid"), filepath.Join(s.dir, "xfrd.state"), nsdTLS(s))
	var transfer string
	if key, ok := s.transferKey(); ok {
		fmt.Fprintf(&b, "key:\n    name: %q\n    algorithm: %s\n    secret: %q\n", key.Name, key.Algorithm, key.Secret)
		transfer += fmt.Sprintf("    provide-xfr: 127.0.0.1 %s\n", key.Name)
	}
	if s.opts.Transfer {
		transfer += "    provide-xfr: 127.0.0.1 NOKEY\n"
	}
	for _, z := range s.zones {
		fmt.Fprintf(&b, "zone:\n    name: %q\n    zonefile: %q\n%s", z.Origin, z.File, transfer)
	}
	return b.String()
}

// nsdTLS has NSD serve DoT on one of its ports.
func nsdTLS(s *instance) string {
	if s.dotPort == 0 {
		return ""
	}
	return fmt.Sprintf("    ip-address: 127.0.0.1@%[1]d\n    tls-port: %[1]d\n    tls-service-key: %[2]q\n    tls-service-pem: %[3]q\n",
		s.dotPort, s.opts.TLS.KeyFile, s.opts.TLS.CertFile)
}

// bindConfig writes the configuration of named, without the checks by which it
// would refuse zones that the other servers load.
func bindConfig(s *instance) string {
	var b strings.Builder
	definitions, listeners := bindTLS(s)
	var transfer []string
	if key, ok := s.transferKey(); ok {
		definitions += fmt.Sprintf("key %q { algorithm %s; secret %q; };\n", key.Name, key.Algorithm, key.Secret)
		transfer = append(transfer, fmt.Sprintf("key %q;", key.Name))
	}
	if s.opts.Transfer {
		transfer = append(transfer, "127.0.0.1;")
	}
	if transfer == nil {
		transfer = []string{"none;"}
	}
	fmt.Fprintf(&b, `%[4]soptions {
    directory %[1]q;
    pid-file none;
    lock-file none;
    session-keyfile %[3]q;
    managed-keys-directory %[1]q;
    listen-on port %[2]d { 127.0.0.1; };
%[5]s    listen-on-v6 { none; };
    recursion no;
    allow-transfer { %[6]s };
    notify no;
    dnssec-validation no;
    empty-zones-enable no;
    minimal-responses no-auth;
    zero-no-soa-ttl no;
    minimal-any no;
    version none;
    hostname none;
    server-id none;
    answer-cookie no;
    edns-udp-size 1232;
    max-udp-size 1232;
    nocookie-udp-size 1232;
    check-names primary ignore;
    check-integrity no;
    check-mx ignore;
    check-srv-cname ignore;
    check-wildcard no;
    tcp-idle-timeout 600;
};
controls { };
`, s.dir, s.port, filepath.Join(s.dir, "session.key"), definitions, listeners, strings.Join(transfer, " "))
	for _, z := range s.zones {
		fmt.Fprintf(&b, "zone %q { type primary; file %q; masterfile-format text; };\n", z.Origin, z.File)
	}
	return b.String()
}

// bindTLS has BIND serve DoT and DoH on ports of their own.
func bindTLS(s *instance) (definitions, listeners string) {
	if s.opts.TLS == nil {
		return "", ""
	}
	definitions = fmt.Sprintf("tls main { cert-file %q; key-file %q; };\nhttp main { endpoints { %q; }; };\n",
		s.opts.TLS.CertFile, s.opts.TLS.KeyFile, DoHPath)
	listeners = fmt.Sprintf("    listen-on port %d tls main { 127.0.0.1; };\n    listen-on port %d tls main http main { 127.0.0.1; };\n",
		s.dotPort, s.dohPort)
	return definitions, listeners
}
