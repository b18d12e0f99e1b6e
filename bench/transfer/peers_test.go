package transfer

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yushan/bench/tldzone"
	"yushan/internal/peer"
)

// patience is what only a failing test waits for.
const patience = time.Minute

// bigZone takes a hundred messages or so.
func bigZone(t *testing.T) (zone peer.Zone, records uint64) {
	t.Helper()
	z := tldzone.Zone{Origin: "tw.", Delegations: 20_000, SignedShare: 0.02, Seed: 1}
	file := filepath.Join(t.TempDir(), "zone")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	lines := lineCounter{w: out}
	if err := z.Write(&lines); err != nil {
		t.Fatal(err)
	}
	const directives = 2 // $ORIGIN, $TTL
	return peer.Zone{Origin: "tw.", File: file}, lines.n - directives
}

type lineCounter struct {
	w *os.File
	n uint64
}

func (c *lineCounter) Write(b []byte) (int, error) {
	c.n += uint64(bytes.Count(b, []byte("\n")))
	return c.w.Write(b)
}

func run(t *testing.T, o Options) *Result {
	t.Helper()
	if o.Zone == "" {
		o.Zone = "tw"
	}
	if o.Timeout == 0 {
		o.Timeout = patience
	}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func key(t *testing.T, k *peer.TransferKey) *Key {
	t.Helper()
	key, err := NewKey(k.Name, k.Algorithm, k.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestPeers(t *testing.T) {
	zone, records := bigZone(t)
	certificate := peer.NewCertificate(t)
	for _, kind := range peer.Kinds {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			peer.Require(t, kind)
			held := peer.NewTransferKey("transfer.example")
			opts := peer.Options{Transfer: true, TransferKey: held}
			dot, _ := kind.Encrypts()
			if dot {
				opts.TLS = certificate
			}
			server := peer.StartWith(t, kind, opts, zone)
			ways := map[string]Options{
				"TCP":           {Server: server.Addr},
				"TSIG":          {Server: server.Addr, Key: key(t, held)},
				"several":       {Server: server.Addr, Times: 5, Concurrency: 2},
				"several, TSIG": {Server: server.Addr, Key: key(t, held), Times: 5, Concurrency: 3},
			}
			if dot {
				ways["TLS"] = Options{Server: server.DoT, TLS: certificate.Client()}
				ways["TLS, TSIG"] = Options{Server: server.DoT, TLS: certificate.Client(), Key: key(t, held)}
			}
			for way, o := range ways {
				r := run(t, o)
				if len(r.Transfers) != max(o.Times, 1) || r.Interrupted {
					t.Errorf("%s: %d transfers, expected %d", way, len(r.Transfers), o.Times)
				}
				for _, got := range r.Transfers {
					if got.Error != "" || got.Records != records || got.Serial != 2026112401 || got.Messages < 10 {
						t.Errorf("%s: %+v; expected %d records", way, got, records)
					}
					if !(0 < got.Connect && got.Connect <= got.First && got.First <= got.Whole) || got.WireBytes < got.Bytes+2*got.Messages {
						t.Errorf("%s: times or sizes are not in order: %+v", way, got)
					}
				}
			}
		})
	}
}

func TestPeersRefuse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "zone")
	var text bytes.Buffer
	if err := (tldzone.Zone{Origin: "tw.", Delegations: 10}).Write(&text); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range peer.Kinds {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			peer.Require(t, kind)
			held := peer.NewTransferKey("transfer.example")
			server := peer.StartWith(t, kind, peer.Options{TransferKey: held}, peer.Zone{Origin: "tw.", File: file})
			for _, c := range []struct {
				o    Options
				want []string // any of them
			}{
				{Options{}, []string{"the server answers REFUSED", "the server answers NOTAUTH"}},
				{Options{Zone: "example."}, []string{"the server answers REFUSED", "the server answers NOTAUTH"}},
				{Options{Key: key(t, peer.NewTransferKey("transfer.example"))}, []string{"BADSIG, it has another secret"}},
				{Options{Key: key(t, peer.NewTransferKey("other.example"))}, []string{"BADKEY, it knows none of this name"}},
			} {
				c.o.Server = server.Addr
				got := run(t, c.o).Transfers[0].Error
				if !containsAny(got, c.want) {
					t.Errorf("key %v, zone %q: error %q, expected %q", c.o.Key, c.o.Zone, got, c.want)
				}
			}
		})
	}
}

func containsAny(text string, wanted []string) bool {
	for _, want := range wanted {
		if strings.Contains(text, want) {
			return true
		}
	}
	return false
}

// TestAlgorithms has BIND sign by each of them.
func TestAlgorithms(t *testing.T) {
	peer.Require(t, peer.BIND)
	zone, records := bigZone(t)
	for _, algorithm := range []string{"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"} {
		t.Run(algorithm, func(t *testing.T) {
			secret := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(algorithm, 3)))
			held := &peer.TransferKey{Name: "Key.Example", Algorithm: algorithm, Secret: secret}
			server := peer.StartWith(t, peer.BIND, peer.Options{TransferKey: held}, zone)
			k, err := ParseKey(fmt.Sprintf("%s:%s:%s", algorithm, held.Name, secret))
			if err != nil {
				t.Fatal(err)
			}
			if got := run(t, Options{Server: server.Addr, Key: k}).Transfers[0]; got.Error != "" || got.Records != records {
				t.Errorf("%+v; expected %d records", got, records)
			}
		})
	}
}

func TestServerDies(t *testing.T) {
	peer.Require(t, peer.NSD)
	zone, _ := bigZone(t)
	server := peer.StartWith(t, peer.NSD, peer.Options{Transfer: true}, zone)
	const times = 200
	r := run(t, Options{Server: server.Addr, Times: times, Concurrency: 4, Progress: func(done int) {
		if done == 10 {
			server.Kill()
		}
	}})
	if failed := r.Failed(); len(r.Transfers) != times || failed == 0 || failed > times-10 {
		t.Errorf("%d of %d transfers failed after the server's end", failed, len(r.Transfers))
	}
	for _, got := range r.Transfers {
		if got.Error != "" && !containsAny(got.Error, []string{"connection refused", "the server has closed the connection", "the server has reset the connection"}) {
			t.Errorf("error %q", got.Error)
		}
	}
}
