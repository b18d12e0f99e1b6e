package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestSign makes a key, signs with it, signs again with the same key, checks the
// result and serves it.
func TestSign(t *testing.T) {
	dir := t.TempDir()
	zone, out := filepath.Join(dir, "tw.zone"), filepath.Join(dir, "tw.signed")
	put(t, zone, zoneText(1)+"台北 NS ns.example\n")
	stdout, stderr, code := yushan(t, "sign", "--zone", "tw="+zone, "--generate-keys", dir, "--nsec3", "--opt-out", "--out", out)
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	key := regexp.MustCompile(`(?m)^(.*\.key): new key$`).FindStringSubmatch(stdout)
	ds := regexp.MustCompile(`(?m)^tw\. IN DS \d+ 13 2 [0-9A-Fa-f]{64}$`).FindString(stdout)
	if key == nil || ds == "" || !strings.Contains(stdout, "zone tw. signed with NSEC3 with opt-out, 1 key, valid until ") {
		t.Fatalf("expected the key, a summary and a DS record in\n%s", stdout)
	}
	first, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code = yushan(t, "sign", "--zone", "tw="+zone, "--key", key[1], "--nsec", "--out", out)
	if code != 0 || !strings.Contains(stdout, ds) {
		t.Fatalf("exit %d; expected the same DS record\n%s\nin\n%s%s", code, ds, stdout, stderr)
	}
	second, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(first), "\tNSEC3\t") || strings.Contains(string(second), "\tNSEC3\t") {
		t.Error("expected NSEC3 in the first file, and none in the second")
	}

	stdout, _, code = yushan(t, "check", "--zone", "tw="+out)
	if code != 0 || !strings.Contains(stdout, "NSEC ") {
		t.Errorf("check: exit %d, expected 0, and a zone with NSEC in\n%s", code, stdout)
	}
	port := freePort(t)
	start(t, "serving", nil, "serve", "--zone", "tw="+out, "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--log-format", "console")
	m := new(dns.Msg)
	m.SetQuestion("tw.", dns.TypeSOA)
	m.SetEdns0(1232, true)
	c := dns.Client{Timeout: testPatience}
	r, _, err := c.Exchange(m, fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil || len(r.Answer) != 2 || r.Answer[1].Header().Rrtype != dns.TypeRRSIG {
		t.Errorf("expected SOA and RRSIG, have\n%v\n%v", r, err)
	}
}

func TestSignRefuses(t *testing.T) {
	dir := t.TempDir()
	zone := filepath.Join(dir, "tw.zone")
	put(t, zone, "$TTL 300\n@ SOA a b 1 2 3 4 5\n@ NS\n")
	for _, tt := range []struct{ args, stderr string }{
		{"--zone tw=" + zone + " --key " + dir + "/gone.key", "tw.zone:3:"},
		{"--zone tw=" + dir + "/gone --key " + dir + "/gone.key", "no such file"},
	} {
		args := append([]string{"sign", "--nsec", "--out", filepath.Join(dir, "out")}, strings.Fields(tt.args)...)
		_, stderr, code := yushan(t, args...)
		if code != 1 || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("%s: exit %d, expected 1 and %q in\n%s", tt.args, code, tt.stderr, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
		t.Error("a file was written although signing failed")
	}
}
