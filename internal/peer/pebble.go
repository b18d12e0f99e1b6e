package peer

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pebble is Let's Encrypt's ACME server for tests.
const pebble = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1"

// PebbleOptions say how a CA looks at the world.
type PebbleOptions struct {
	Resolver          netip.AddrPort           // asked by TCP for all names
	HTTPPort, TLSPort uint16                   // where it looks for HTTP-01 and TLS-ALPN-01
	Profiles          map[string]time.Duration // validity of certificates, by name of the profile; none: 90 days
}

// Pebble is a running CA.
type Pebble struct {
	Directory string         // URL
	Root      []byte         // by which its own HTTPS is checked, in PEM
	Issuers   *x509.CertPool // by which what it issues is checked

	server     *instance
	management netip.AddrPort
}

// StartPebble runs a CA until the end of the test, and returns when it answers.
// Every authorization is validated anew, by three questions at once.
func StartPebble(t testing.TB, opts PebbleOptions) *Pebble {
	t.Helper()
	program := GoTool(t, pebble)
	var err error
	for range portTries { // another process may take a port first
		p := &Pebble{server: &instance{dir: t.TempDir(), exited: make(chan error)}}
		if err = p.start(program, opts); err == nil {
			t.Cleanup(func() {
				p.server.stop()
				if t.Failed() {
					t.Logf("output of pebble:\n%s", p.server.log())
				}
			})
			return p
		}
		err = fmt.Errorf("%w\n%s", err, p.server.log())
	}
	t.Fatalf("start pebble: %v", err)
	return nil
}

func (p *Pebble) start(program string, opts PebbleOptions) error {
	ports := [2]netip.AddrPort{}
	for i := range ports {
		port, err := freePort()
		if err != nil {
			return err
		}
		ports[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	}
	p.Directory = "https://" + ports[0].String() + "/dir"
	p.management = ports[1]
	certificate, err := newCertificate(p.server.dir, "pebble", nil, net.IPv4(127, 0, 0, 1))
	if err != nil {
		return err
	}
	p.Root = certificate.PEM
	profiles := map[string]any{}
	for name, validity := range opts.Profiles {
		profiles[name] = map[string]any{"description": name, "validityPeriod": int(validity / time.Second)}
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress":           ports[0].String(),
		"managementListenAddress": ports[1].String(),
		"certificate":             certificate.CertFile,
		"privateKey":              certificate.KeyFile,
		"httpPort":                opts.HTTPPort,
		"tlsPort":                 opts.TLSPort,
		"keyAlgorithm":            "ecdsa",
		"retryAfter":              map[string]int{"authz": 1, "order": 1},
		"profiles":                profiles,
	}})
	if err != nil {
		return err
	}
	file := filepath.Join(p.server.dir, "config.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return err
	}
	if p.server.output, err = os.Create(filepath.Join(p.server.dir, "output")); err != nil {
		return err
	}
	defer p.server.output.Close()
	cmd := exec.Command(program, "-config", file, "-dnsserver", opts.Resolver.String())
	cmd.Dir = p.server.dir
	cmd.Stdout, cmd.Stderr = p.server.output, p.server.output
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	p.server.cmd = cmd
	started := make(chan error)
	go p.server.run(started)
	if err := <-started; err != nil {
		return err
	}
	if err := p.waitReady(); err != nil {
		p.server.stop()
		return err
	}
	return nil
}

// waitReady asks for the directory and for the root of what is issued.
func (p *Pebble) waitReady() error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.Root)
	client := &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
	}
	get := func(url string) ([]byte, error) {
		r, err := client.Get(url)
		if err != nil {
			return nil, err
		}
		defer r.Body.Close()
		if r.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", url, r.Status)
		}
		return io.ReadAll(r.Body)
	}
	for deadline := time.Now().Add(startLimit); ; {
		_, err := get(p.Directory)
		if err == nil {
			var root []byte
			if root, err = get("https://" + p.management.String() + "/roots/0"); err == nil {
				p.Issuers = x509.NewCertPool()
				if !p.Issuers.AppendCertsFromPEM(root) {
					return errors.New("the root that pebble tells is no certificate")
				}
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("pebble doesn't answer after %s: %w", startLimit, err)
		}
		select {
		case <-p.server.exited:
			return fmt.Errorf("pebble ended: %v", p.server.cmd.ProcessState)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Pause stops the CA until resume is called: what is sent to it meanwhile waits. Then
// servers that are to be asked by it can start one after the other.
func (p *Pebble) Pause(t testing.TB) (resume func()) {
	t.Helper()
	signal := func(sig syscall.Signal) {
		if err := p.server.cmd.Process.Signal(sig); err != nil {
			t.Error(err)
		}
	}
	signal(syscall.SIGSTOP)
	resume = sync.OnceFunc(func() { signal(syscall.SIGCONT) })
	t.Cleanup(resume)
	return resume
}

// Orders returns how many orders there were, and how many certificates were issued.
func (p *Pebble) Orders(t testing.TB) (orders, issued int) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(p.server.dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte("Added order")), bytes.Count(b, []byte("Issued certificate serial"))
}
