package acme

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yushan/internal/peer"
	"yushan/server/overlay"
)

// patience is how long a test waits for what must come. Only a failing test
// waits that long.
const patience = 2 * time.Minute

// cluster is a CA, and three nodes that share storage.
type cluster struct {
	t        *testing.T
	resolver *peer.Resolver
	ca       *peer.Pebble
	storage  string
	nodes    [3]*node
}

// node is one of them, a process while it runs.
type node struct {
	t       *testing.T
	addr    netip.Addr
	dns     netip.AddrPort
	tls     netip.AddrPort
	sockets []*os.File // to be inherited
	log     string     // path
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Reader
}

var nodeKey = overlay.Key{Name: "nodes", Secret: "dGhpcyBpcyB0aGUgc2VjcmV0IG9mIHRoZSBub2Rlcw=="}

const host = "ns1.example.test"

// newCluster binds the nodes' sockets and starts the CA. No node runs yet.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, resolver: peer.StartResolver(t), storage: t.TempDir()}
	addrs := make([]netip.Addr, len(c.nodes))
	for i := range c.nodes {
		addrs[i] = netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i)})
		c.nodes[i] = &node{t: t, addr: addrs[i], log: filepath.Join(t.TempDir(), "log")}
		c.nodes[i].bindDNS()
	}
	// The CA looks for one port on whatever address it is told.
	tlsPort := bindAll(t, addrs, func(i int, f *os.File) { c.nodes[i].sockets = append(c.nodes[i].sockets, f) })
	httpPort := bindAll(t, addrs, func(i int, f *os.File) { c.nodes[i].sockets = append(c.nodes[i].sockets, f) })
	for _, n := range c.nodes {
		n.tls = netip.AddrPortFrom(n.addr, tlsPort)
		t.Cleanup(func() {
			n.stop()
			for _, f := range n.sockets {
				f.Close()
			}
			if log, _ := os.ReadFile(n.log); t.Failed() {
				t.Logf("log of node %s:\n%s", n.addr, log)
			}
		})
	}
	c.resolver.Spread(c.nodes[0].dns, c.nodes[1].dns, c.nodes[2].dns)
	c.resolver.Hosts(addrs...)
	c.ca = peer.StartPebble(t, peer.PebbleOptions{
		Resolver: c.resolver.Addr,
		HTTPPort: httpPort,
		TLSPort:  tlsPort,
		Profiles: map[string]time.Duration{"long": 90 * 24 * time.Hour, "short": time.Minute},
	})
	return c
}

func (n *node) bindDNS() {
	n.t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", netip.AddrPortFrom(n.addr, 0).String())
		if err != nil {
			n.t.Fatal(err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err == nil {
			n.dns = netip.MustParseAddrPort(l.Addr().String())
			n.sockets = []*os.File{file(n.t, l), file(n.t, p)}
			return
		}
		l.Close()
	}
	n.t.Fatal("no port is free for both TCP and UDP")
}

// bindAll binds one port on all addresses.
func bindAll(t *testing.T, addrs []netip.Addr, got func(i int, f *os.File)) uint16 {
	t.Helper()
next:
	for range 20 {
		var port uint16
		var listeners []net.Listener
		for _, a := range addrs {
			l, err := net.Listen("tcp", netip.AddrPortFrom(a, port).String())
			if err != nil {
				for _, l := range listeners {
					l.Close()
				}
				continue next
			}
			port = netip.MustParseAddrPort(l.Addr().String()).Port()
			listeners = append(listeners, l)
		}
		for i, l := range listeners {
			got(i, file(t, l))
		}
		return port
	}
	t.Fatal("no port is free on all addresses")
	return 0
}

// file returns the socket as a file, and closes the original.
func file(t *testing.T, socket interface {
	Close() error
}) *os.File {
	t.Helper()
	f, err := socket.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	socket.Close()
	return f
}

// config is what a node is told unless a test changes it.
func (c *cluster) config(n *node) nodeConfig {
	config := nodeConfig{
		Names:     []string{host},
		Hosts:     []string{host},
		Directory: c.ca.Directory,
		Profile:   "long",
		Root:      c.ca.Root,
		Storage:   c.storage,
		Challenge: "dns-01",
		ReuseKeys: true,
		Key:       nodeKey,
	}
	for _, other := range c.nodes {
		if other != n {
			config.Siblings = append(config.Siblings, other.dns)
		}
	}
	return config
}

// run starts the process; it gets no certificates before it is told to.
func (n *node) run(config nodeConfig) {
	n.t.Helper()
	program, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	encoded, err := json.Marshal(config)
	if err != nil {
		n.t.Fatal(err)
	}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	defer log.Close()
	n.cmd = exec.Command(program)
	n.cmd.Env = append(os.Environ(), nodeEnv+"="+string(encoded))
	n.cmd.Stderr = log
	n.cmd.ExtraFiles = n.sockets
	if n.stdin, err = n.cmd.StdinPipe(); err != nil {
		n.t.Fatal(err)
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	n.stdout = bufio.NewReader(out)
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
}

// tell sends a line and returns the answer.
func (n *node) tell(line string) string {
	n.t.Helper()
	fmt.Fprintln(n.stdin, line)
	answer, err := n.stdout.ReadString('\n')
	if err != nil {
		n.t.Fatalf("node %s does not answer %q: %v", n.addr, line, err)
	}
	return strings.TrimSpace(answer)
}

// stop ends the process, which must end well.
func (n *node) stop() {
	if n.cmd == nil {
		return
	}
	n.stdin.Close()
	ended := time.AfterFunc(patience, func() { n.cmd.Process.Kill() })
	defer ended.Stop()
	if err := n.cmd.Wait(); err != nil {
		n.t.Errorf("node %s: %v", n.addr, err)
	}
	n.cmd = nil
}

// vanish makes a node that does not run be out of reach.
func (n *node) vanish() {
	for _, f := range n.sockets {
		f.Close()
	}
	n.sockets = nil
}

// logged reports whether the log has a line with all these.
func (n *node) logged(parts ...string) bool {
	log, err := os.ReadFile(n.log)
	if err != nil {
		n.t.Fatal(err)
	}
next:
	for line := range strings.Lines(string(log)) {
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue next
			}
		}
		return true
	}
	return false
}

// certificate returns what the node serves for name, nil if there is nothing. It
// must be valid for verify.
func (c *cluster) certificate(n *node, name, verify string) *x509.Certificate {
	c.t.Helper()
	d := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: 10 * time.Second},
		Config:    &tls.Config{ServerName: name, RootCAs: c.ca.Issuers, InsecureSkipVerify: name != verify, NextProtos: []string{"dot"}},
	}
	conn, err := d.DialContext(c.t.Context(), "tcp", n.tls.String())
	if err != nil {
		return nil
	}
	defer conn.Close()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	if err := chain[0].VerifyHostname(verify); err != nil {
		c.t.Errorf("node %s: asked for %q: %v", n.addr, name, err)
	}
	return chain[0]
}

// wait waits until condition holds.
func (c *cluster) wait(what string, condition func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: not after %s", what, patience)
		}
	}
}

// waitCertificate waits until all of the nodes serve one and the same certificate
// for name that satisfies good.
func (c *cluster) waitCertificate(name string, good func(*x509.Certificate) bool, nodes ...*node) *x509.Certificate {
	c.t.Helper()
	var got *x509.Certificate
	c.wait("certificate for "+name, func() bool {
		got = nil
		for _, n := range nodes {
			served := c.certificate(n, name, name)
			if served == nil || !good(served) || got != nil && !got.Equal(served) {
				return false
			}
			got = served
		}
		return true
	})
	return got
}

func whichever(*x509.Certificate) bool { return true }

// noneLeft checks that no challenge is left behind, on nodes that run and in storage.
func (c *cluster) noneLeft(nodes ...*node) {
	c.t.Helper()
	for _, n := range nodes {
		c.wait("no challenges on node "+n.addr.String(), func() bool { return n.tell("records") == "0" })
	}
	c.wait("no challenges in storage", func() bool {
		left, err := filepath.Glob(filepath.Join(c.storage, "acme", "*", "challenge_tokens", "*"))
		return err == nil && len(left) == 0
	})
}

// expectIssued checks how many certificates the CA has issued, and that it got no
// more orders than that.
func (c *cluster) expectIssued(want int) {
	c.t.Helper()
	if orders, issued := c.ca.Orders(c.t); orders != want || issued != want {
		c.t.Errorf("%d orders, %d certificates, expected %d", orders, issued, want)
	}
}
