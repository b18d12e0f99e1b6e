package sign

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

func TestKeyFiles(t *testing.T) {
	for _, algorithm := range []uint8{dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519} {
		for _, ksk := range []bool{true, false} {
			key, err := GenerateKey("台灣.", algorithm, ksk)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			path, err := key.Write(dir)
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path + ".private"); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s.private: mode %v, error %v; expected 0600", path, info.Mode(), err)
			}
			if _, err := key.Write(dir); err == nil {
				t.Errorf("%s was overwritten", path)
			}
			for _, ending := range []string{"", ".key", ".private"} {
				again, err := ReadKey(path + ending)
				if err != nil {
					t.Errorf("ReadKey(%s): %v", path+ending, err)
					continue
				}
				if again.RR.PublicKey != key.RR.PublicKey || again.IsKSK() != ksk || again.RR.Algorithm != algorithm {
					t.Errorf("read %v, expected %v", again.RR, key.RR)
				}
				// A round trip of the private half: what it signs must verify.
				verifySignatures(t, signZone(t, "台灣", manyNames(1), Options{Keys: []*Key{again}}))
			}
		}
	}
}

func TestKeyFileNames(t *testing.T) {
	for origin, want := range map[string]string{
		"tw":                            "Ktw.+015+",
		".":                             "K.+015+",
		"台灣":                            "Kxn--kpry57d.+015+",
		"CO.Example.":                   "Kco.example.+015+",
		"0/26.2.0.192.in-addr.arpa.":    "K0%2F26.2.0.192.in-addr.arpa.+015+", // RFC 2317
		`a\.\\b..`[:6] + ".":            `Ka%5C.%5C%5Cb.+015+`,
		"../../../etc/passwd."[9:] + "": "Ketc%2Fpasswd.+015+",
	} {
		key, err := GenerateKey(origin, dns.ED25519, false)
		if err != nil {
			t.Errorf("GenerateKey(%q): %v", origin, err)
			continue
		}
		if got := key.FileName(); !strings.HasPrefix(got, want) || len(got) != len(want)+5 || strings.ContainsAny(got, "/") {
			t.Errorf("the key of %s is in %s, expected %sNNNNN", origin, got, want)
		}
	}
}

func TestReadKeyRefuses(t *testing.T) {
	a, b := newKeys(t, "tw.", dns.ED25519), newKeys(t, "tw.", dns.RSASHA256)
	private := a[0].RR.PrivateKeyString(a[0].Private)
	for _, tt := range []struct {
		name, public, private, want string
	}{
		{"empty", "", private, "no DNSKEY record"},
		{"other record", "tw. 60 IN A 192.0.2.1", private, "one DNSKEY record and nothing else"},
		{"two keys", a[0].RR.String() + "\n" + a[1].RR.String(), private, "one DNSKEY record and nothing else"},
		{"no private key", a[0].RR.String(), "", "private"},
		{"another's private key", a[1].RR.String(), private, "does not belong"},
		{"another algorithm's", b[1].RR.String(), private, "trial signature"},
		{"incomplete Ed25519", a[0].RR.String(), "Private-key-format: v1.3\nAlgorithm: 15 (ED25519)\n", "incomplete"},
		{"incomplete RSA", b[0].RR.String(), "Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\n", "incomplete"},
	} {
		if _, err := parseKey([]byte(tt.public), []byte(tt.private)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected one with %q", tt.name, err, tt.want)
		}
	}
	if _, err := ReadKey(filepath.Join(t.TempDir(), "Ktw.+015+00001")); err == nil {
		t.Error("read a key that is not there")
	}
	if _, err := GenerateKey("tw.", dns.RSASHA1, true); err == nil {
		t.Error("made a key for RSASHA1")
	}
}

func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

func TestReadsKeysOfBIND(t *testing.T) {
	keygen := peer.Tool(t, "dnssec-keygen", "bind9-utils")
	for _, algorithm := range []string{"RSASHA256", "ECDSAP256SHA256", "ECDSAP384SHA384", "ED25519"} {
		for _, flags := range [][]string{nil, {"-f", "KSK"}} {
			dir := t.TempDir()
			args := append([]string{"-q", "-a", algorithm}, flags...)
			file := output(t, dir, keygen, append(args, origin)...)
			key, err := ReadKey(filepath.Join(dir, file))
			if err != nil {
				t.Errorf("%s %s: %v", algorithm, flags, err)
				continue
			}
			if key.FileName() != file {
				t.Errorf("FileName is %s, BIND's is %s", key.FileName(), file)
			}
			if key.IsKSK() != (flags != nil) {
				t.Errorf("%s: IsKSK is %v", file, key.IsKSK())
			}
		}
	}
}

func TestBINDReadsOurKeys(t *testing.T) {
	signzone, dsfromkey := peer.Tool(t, "dnssec-signzone", "bind9-utils"), peer.Tool(t, "dnssec-dsfromkey", "bind9-utils")
	for _, algorithm := range []uint8{dns.RSASHA256, dns.ECDSAP256SHA256, dns.ED25519} {
		dir := t.TempDir()
		key, err := GenerateKey(origin, algorithm, true)
		if err != nil {
			t.Fatal(err)
		}
		path, err := key.Write(dir)
		if err != nil {
			t.Fatal(err)
		}
		ds, err := dns.NewRR(output(t, dir, dsfromkey, "-2", path))
		if err != nil {
			t.Fatal(err)
		}
		ours := key.DS()
		if got := ds.(*dns.DS); got.KeyTag != ours.KeyTag || !strings.EqualFold(got.Digest, ours.Digest) {
			t.Errorf("our DS is %v, BIND's %v", ours, ds)
		}
		zone, err := os.ReadFile("testdata/mixed.zone")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "zone"), zone, 0o644); err != nil {
			t.Fatal(err)
		}
		output(t, dir, signzone, "-S", "-z", "-P", "-K", dir, "-o", origin, "-f", "signed", "zone")
		verifySignatures(t, readZone(t, filepath.Join(dir, "signed")))
	}
}

func FuzzParseKey(f *testing.F) {
	for _, algorithm := range []uint8{dns.RSASHA256, dns.ECDSAP256SHA256, dns.ED25519} {
		key, err := GenerateKey("tw.", algorithm, true)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(key.RR.String()), []byte(key.RR.PrivateKeyString(key.Private)))
	}
	f.Add([]byte("tw. IN DNSKEY 257 3 8 AwEAAQ=="), []byte("Private-key-format: v1.3\nAlgorithm: 8\nPrime1: AA==\nPrime2: AA==\nPrivateExponent: AA==\n"))
	f.Fuzz(func(t *testing.T, public, private []byte) {
		key, err := parseKey(public, private)
		if err != nil {
			return
		}
		if err := key.checkPair(); err != nil {
			t.Fatalf("accepted a key that cannot sign: %v", err)
		}
	})
}
