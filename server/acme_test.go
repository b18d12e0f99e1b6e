package server

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"yushan/zone"
	"yushan/zone/dname"
)

const orderOne = "certificates: [{name: main, acme: [ns1.tw]}]\nacme: {storage: acme, directory: \"https://127.0.0.1:1/dir\"}\n"

// Who starts as root and becomes somebody must not leave him a storage that only root
// can write to.
func TestStorageBelongsToTheUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cfg := parseConfig(t, dir, "user: nobody\n"+orderOne)
	o, err := newOrdering(cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer o.stop()
	info, err := os.Stat(filepath.Join(dir, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; strconv.Itoa(int(uid)) != nobody.Uid || info.Mode().Perm() != 0o700 {
		t.Errorf("the storage belongs to user %d with mode %v, expected %s and rwx------", uid, info.Mode(), nobody.Uid)
	}
}

// A CA that validates takes unsigned answers from a signed zone for forged.
func TestWarningAboutSignedZones(t *testing.T) {
	const unsigned = "tw. 300 IN SOA a.tw. b.tw. 1 2 3 4 5|tw. 300 IN NS ns1.tw.|ns1.tw. 300 IN A 192.0.2.1|"
	const signed = unsigned + "tw. 300 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==|" +
		"tw. 300 IN NSEC tw. NS SOA NSEC DNSKEY|"
	for _, tt := range []struct {
		name, zone string
		warnings   int
	}{
		{"unsigned", unsigned, 0},
		{"signed", signed, 1},
		{"signed, with a delegation", signed + "_acme-challenge.ns1.tw. 300 IN NS ns1.tw.", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core, logged := observer.New(zapcore.WarnLevel)
			o, err := newOrdering(parseConfig(t, t.TempDir(), orderOne), zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			defer o.stop()
			o.warnAboutSigned([]*zone.Zone{zoneOf(t, "tw.", tt.zone)}, zap.New(core))
			if n := logged.FilterMessageSnippet("delegate this name, without DS").Len(); n != tt.warnings {
				t.Errorf("%d warnings, expected %d: %v", n, tt.warnings, logged.All())
			}
		})
	}
}

func zoneOf(t *testing.T, origin, text string) *zone.Zone {
	t.Helper()
	var records []dns.RR
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "|"), "|") {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rr)
	}
	name, err := dname.ParseFQDN(origin)
	if err != nil {
		t.Fatal(err)
	}
	z, report := zone.FromRecords(name, records)
	if z == nil {
		t.Fatal(report.Findings)
	}
	return z
}
