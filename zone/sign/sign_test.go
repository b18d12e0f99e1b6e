package sign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// timeLimit ends a validator that hangs; it decides no test.
const timeLimit = time.Minute

const origin = "xn--kpry57d."

func newKeys(t testing.TB, origin string, algorithms ...uint8) (keys []*Key) {
	t.Helper()
	for _, algorithm := range algorithms {
		for _, ksk := range []bool{true, false} {
			key, err := GenerateKey(origin, algorithm, ksk)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
	}
	return keys
}

func signZone(t testing.TB, origin string, rrs []dns.RR, opts Options) []dns.RR {
	t.Helper()
	signed, err := Zone(t.Context(), origin, rrs, opts)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestZone(t *testing.T) {
	rrs := readZone(t, "testdata/mixed.zone")
	denials := []struct {
		name string
		opts Options
	}{
		{"NSEC", Options{Denial: NSEC}},
		{"NSEC3", Options{Denial: NSEC3}},
		{"opt-out", Options{Denial: NSEC3, OptOut: true}},
		{"legacy NSEC3", Options{Denial: NSEC3, Iterations: 3, Salt: "c0ffee", LegacyNSEC3: true}},
	}
	for _, algorithms := range [][]uint8{
		{dns.ECDSAP256SHA256},
		{dns.ED25519},
		{dns.RSASHA256},
		{dns.ECDSAP384SHA384},
		{dns.ECDSAP256SHA256, dns.ED25519},
	} {
		keys := newKeys(t, origin, algorithms...)
		for _, denial := range denials {
			for _, single := range []bool{true, false} {
				opts := denial.opts
				opts.Keys = keys
				name := "KSK+ZSK"
				if single {
					name = "CSK"
					opts.Keys = slices.DeleteFunc(slices.Clone(keys), func(k *Key) bool { return !k.IsKSK() })
				}
				t.Run(fmt.Sprint(dns.AlgorithmToString[algorithms[0]], len(algorithms), "/", denial.name, "/", name), func(t *testing.T) {
					verify(t, origin, signZone(t, origin, rrs, opts))
				})
			}
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Zone(ctx, origin, readZone(t, "testdata/mixed.zone"), Options{Keys: newKeys(t, origin, dns.ED25519)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, expected %v", err, context.Canceled)
	}
}

func TestRefuses(t *testing.T) {
	const apex = "tw. 3600 IN SOA a. b. 1 2 3 4 5\ntw. 3600 IN NS ns.tw.\n"
	keys := newKeys(t, "tw.", dns.ED25519)
	for _, tt := range []struct {
		name, zone string
		opts       Options
		want       string
	}{
		{"no key", apex, Options{}, "no key"},
	} {
		_ = keys
		_, err := Zone(t.Context(), "tw.", parseZone(t, tt.zone), tt.opts)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected one with %q", tt.name, err, tt.want)
		}
	}
}
