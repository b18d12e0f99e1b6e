package peer

import (
	"fmt"
	"path/filepath"
	"strings"
)

// knotConfig writes the configuration of knotd. It signs nothing, keeps no
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
template:
  - id: default
    storage: %[1]q
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
zone:
`, s.dir, s.port, filepath.Join(s.dir, "control"))
	for _, z := range s.zones {
		fmt.Fprintf(&b, "  - domain: %q\n    file: %q\n", z.Origin, z.File)
	}
	return b.String()
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
remote-control:
    control-enable: no
`, s.dir, s.port, filepath.Join(s.dir, "zone.list"), filepath.Join(s.dir, "nsd.pid"), filepath.Join(s.dir, "xfrd.state"))
	for _, z := range s.zones {
		fmt.Fprintf(&b, "zone:\n    name: %q\n    zonefile: %q\n", z.Origin, z.File)
	}
	return b.String()
}

// bindConfig writes the configuration of named, without the checks by which it
// would refuse zones that the other servers load.
func bindConfig(s *instance) string {
	var b strings.Builder
	fmt.Fprintf(&b, `options {
    directory %[1]q;
    pid-file none;
    lock-file none;
    session-keyfile %[3]q;
    managed-keys-directory %[1]q;
    listen-on port %[2]d { 127.0.0.1; };
    listen-on-v6 { none; };
    recursion no;
    allow-transfer { none; };
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
`, s.dir, s.port, filepath.Join(s.dir, "session.key"))
	for _, z := range s.zones {
		fmt.Fprintf(&b, "zone %q { type primary; file %q; masterfile-format text; };\n", z.Origin, z.File)
	}
	return b.String()
}
