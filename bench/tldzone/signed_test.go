package tldzone_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/bench/tldzone"
	"yushan/internal/peer"
	"yushan/zone/sign"
)

func writeSigned(t testing.TB, z tldzone.Zone, s tldzone.Signing) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := z.WriteSigned(t.Context(), &out, s); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestSignedAsAWhole holds a zone that was signed in part against the same zone signed as a
// whole: nothing may differ but who has made the signatures' randomness.
func TestSignedAsAWhole(t *testing.T) {
	z := tldzone.Zone{Origin: "tw.", Delegations: 1000, SignedShare: 0.1, Seed: 5}
	keys, err := z.Keys()
	if err != nil {
		t.Fatal(err)
	}
	for denial, opts := range map[tldzone.Denial]sign.Options{
		tldzone.OptOut: {Denial: sign.NSEC3, OptOut: true},
		tldzone.NSEC3:  {Denial: sign.NSEC3},
		tldzone.NSEC:   {Denial: sign.NSEC},
	} {
		begin, end := time.Unix(1_700_000_000, 0), time.Unix(1_900_000_000, 0)
		got := writeSigned(t, z, tldzone.Signing{Denial: denial, Inception: begin, Expiration: end})
		opts.Keys, opts.Inception, opts.Expiration = keys, begin, end
		whole, err := sign.Zone(t.Context(), "tw.", parse(t, write(t, z)), opts)
		if err != nil {
			t.Fatal(err)
		}
		a, b := lines(parse(t, got)), lines(whole)
		if !slices.Equal(a, b) {
			t.Errorf("denial %d: %d records, signed as a whole %d; the first that differ:\n%s", denial, len(a), len(b), firstDifference(a, b))
		}
		if !bytes.HasPrefix(got, write(t, z)) {
			t.Errorf("denial %d: the signed zone does not begin with the unsigned one", denial)
		}
		if again := writeSigned(t, z, tldzone.Signing{Denial: denial, Inception: begin, Expiration: end}); !bytes.Equal(got, again) {
			t.Errorf("denial %d: the same zone was signed in two ways", denial)
		}
	}
}

// lines returns records in order, without the signatures of RRSIGs.
func lines(records []dns.RR) (text []string) {
	for _, rr := range records {
		if sig, ok := rr.(*dns.RRSIG); ok {
			blank := *sig
			blank.Signature = ""
			rr = &blank
		}
		text = append(text, rr.String())
	}
	slices.Sort(text)
	return text
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] + "\n" + b[i]
		}
	}
	return "none up to the end of one"
}

// TestOthersVerify has the tools of BIND, ldns and Knot check all signatures and chains.
func TestOthersVerify(t *testing.T) {
	bind := peer.Tool(t, "dnssec-verify", "bind9-utils")
	ldns := peer.Tool(t, "ldns-verify-zone", "ldnsutils")
	for name, denial := range map[string]tldzone.Denial{"opt-out": tldzone.OptOut, "NSEC3": tldzone.NSEC3, "NSEC": tldzone.NSEC} {
		t.Run(name, func(t *testing.T) {
			z := tldzone.Zone{Origin: "tw.", Delegations: 1000, SignedShare: 0.3, Seed: 2}
			file := filepath.Join(t.TempDir(), "zone")
			if err := os.WriteFile(file, writeSigned(t, z, tldzone.Signing{Denial: denial}), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, cmd := range []*exec.Cmd{exec.Command(bind, "-o", "tw.", file), exec.Command(ldns, file)} {
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%.2000s", cmd, err, out)
				}
			}
		})
	}
}

// TestOthersServe: all servers load what is made.
func TestOthersServe(t *testing.T) {
	z := tldzone.Zone{Origin: "tw.", Delegations: 2000, SignedShare: 0.1, Seed: 2}
	dir := t.TempDir()
	plain, signed := filepath.Join(dir, "plain"), filepath.Join(dir, "signed")
	if err := os.WriteFile(plain, write(t, z), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(signed, writeSigned(t, z, tldzone.Signing{}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range peer.Kinds {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			peer.Require(t, kind)
			peer.Start(t, kind, peer.Zone{Origin: "tw.", File: plain})
			peer.Start(t, kind, peer.Zone{Origin: "tw.", File: signed})
		})
	}
}

func TestKeys(t *testing.T) {
	z := tldzone.Zone{Origin: "tw.", Seed: 1}
	keys, err := z.Keys()
	if err != nil {
		t.Fatal(err)
	}
	again, _ := z.Keys()
	z.Seed = 2
	others, _ := z.Keys()
	if len(keys) != 2 || !keys[0].IsKSK() || keys[1].IsKSK() {
		t.Fatalf("expected a KSK and a ZSK, got %v", keys)
	}
	for i, key := range keys {
		if key.RR.PublicKey != again[i].RR.PublicKey || key.RR.PublicKey == others[i].RR.PublicKey {
			t.Errorf("keys don't follow from the seed: %s, %s; of another one %s", key.RR, again[i].RR, others[i].RR)
		}
		dir := t.TempDir()
		path, err := key.Write(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sign.ReadKey(path); err != nil {
			t.Errorf("the key's files: %v", err)
		}
	}
}

func TestSigningMistakes(t *testing.T) {
	z := tldzone.Zone{Origin: "tw.", Delegations: 10, Seed: 1}
	other := tldzone.Zone{Origin: "example.", Seed: 1}
	keys, err := other.Keys()
	if err != nil {
		t.Fatal(err)
	}
	for want, s := range map[string]tldzone.Signing{
		"no denial of number 3":                {Denial: 3},
		"it belongs to example., not to tw":    {Keys: keys},
		"signatures would expire":              {Inception: time.Unix(2_000_000_000, 0), Expiration: time.Unix(1_900_000_000, 0)},
		"cannot be valid for more than 68 yea": {Expiration: time.Unix(9_000_000_000, 0)},
	} {
		var out bytes.Buffer
		if err := z.WriteSigned(t.Context(), &out, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected %s", err, want)
		}
	}
}
