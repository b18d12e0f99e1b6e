package peer

import (
	"bytes"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// deadline is what only a failing test waits for.
const deadline = 30 * time.Second

func testZone(t *testing.T) Zone {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, []byte(zoneText), 0o600); err != nil {
		t.Fatal(err)
	}
	return Zone{"example.", file}
}

func TestEncryptedTransports(t *testing.T) {
	certificate := NewCertificate(t)
	for _, kind := range Kinds {
		dot, doh := kind.Encrypts()
		if !dot {
			continue
		}
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			Require(t, kind)
			s := StartWith(t, kind, Options{TLS: certificate}, testZone(t))
			query := new(dns.Msg).SetQuestion("ns.example.", dns.TypeA)
			plain := dns.Client{Timeout: deadline}
			overTLS := dns.Client{Net: "tcp-tls", TLSConfig: certificate.Client(), Timeout: deadline}
			for _, a := range []struct {
				client dns.Client
				addr   netip.AddrPort
			}{{plain, s.Addr}, {overTLS, s.DoT}} {
				r, _, err := a.client.Exchange(query, a.addr.String())
				expectAddress(t, r, err)
			}
			if s.DoH.IsValid() != doh {
				t.Fatalf("DoH is at %s, expected it to be there: %v", s.DoH, doh)
			}
			if !doh {
				return
			}
			wire, err := query.Pack()
			if err != nil {
				t.Fatal(err)
			}
			client := http.Client{Transport: &http.Transport{TLSClientConfig: certificate.Client(), ForceAttemptHTTP2: true}, Timeout: deadline}
			defer client.CloseIdleConnections()
			answer, err := client.Post("https://"+s.DoH.String()+DoHPath, "application/dns-message", bytes.NewReader(wire))
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.ProtoMajor != 2 {
				t.Fatalf("HTTP/%d, error %v; expected HTTP/2", answer.ProtoMajor, err)
			}
			r := new(dns.Msg)
			expectAddress(t, r, r.Unpack(body))
		})
	}
}

func expectAddress(t *testing.T, r *dns.Msg, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Answer) != 1 || r.Answer[0].(*dns.A).A.String() != "192.0.2.1" {
		t.Fatalf("expected the address of ns, got\n%v", r)
	}
}

func TestTransfers(t *testing.T) {
	for _, kind := range Kinds {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			Require(t, kind)
			key := NewTransferKey("transfer.example")
			closed := Start(t, kind, testZone(t))
			open := StartWith(t, kind, Options{Transfer: true}, testZone(t))
			keyed := StartWith(t, kind, Options{TransferKey: key}, testZone(t))
			for _, c := range []struct {
				what   string
				server *Server
				key    *TransferKey
				want   bool
			}{
				{"by default", closed, nil, false},
				{"for anyone", open, nil, true},
				{"for holders of a key, without it", keyed, nil, false},
				{"for holders of a key", keyed, key, true},
				{"with another key of this name", keyed, NewTransferKey(key.Name), false},
			} {
				if n, err := transfer(c.server.Addr, c.key); (n == 4) != c.want {
					t.Errorf("a transfer %s brought %d records, error %v", c.what, n, err)
				}
			}
		})
	}
}

// transfer returns how many records the zone has, its SOA twice.
func transfer(addr netip.AddrPort, key *TransferKey) (records int, err error) {
	query := new(dns.Msg).SetAxfr("example.")
	tr := dns.Transfer{DialTimeout: deadline, ReadTimeout: deadline}
	if key != nil {
		tr.TsigSecret = map[string]string{dns.Fqdn(key.Name): key.Secret}
		query.SetTsig(dns.Fqdn(key.Name), dns.Fqdn(key.Algorithm), 300, time.Now().Unix())
	}
	messages, err := tr.In(query, addr.String())
	if err != nil {
		return 0, err
	}
	for m := range messages {
		if m.Error != nil {
			err = m.Error
		}
		records += len(m.RR)
	}
	return records, err
}

func TestServersEnd(t *testing.T) {
	for _, kind := range Kinds {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			Require(t, kind)
			for _, end := range []func(*Server){(*Server).Stop, (*Server).Kill} {
				s := Start(t, kind, testZone(t))
				if s.PID() <= 0 {
					t.Errorf("process %d", s.PID())
				}
				end(s)
				client := dns.Client{Net: "tcp", Timeout: deadline}
				if r, _, err := client.Exchange(new(dns.Msg).SetQuestion("example.", dns.TypeSOA), s.Addr.String()); err == nil {
					t.Errorf("answers after its end:\n%v", r)
				}
			}
		})
	}
}
