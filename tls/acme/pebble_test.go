package acme

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"testing"

	"yushan/server/overlay"
)

// TestDNS01 has three nodes that start at once, for a name and a wildcard that are
// validated by records of one name.
func TestDNS01(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for _, n := range c.nodes {
		config := c.config(n)
		config.Names = []string{host, "*." + host}
		n.run(config)
		n.tell("records") // it serves: the others can reach it
	}
	for _, n := range c.nodes {
		n.tell("start")
	}
	c.waitCertificate(host, whichever, c.nodes[:]...)
	c.waitCertificate("any."+host, whichever, c.nodes[:]...)
	c.expectIssued(2)
	for _, n := range c.nodes {
		if c.resolver.Asked()[n.dns] == 0 {
			t.Errorf("the CA's questions did not reach node %s: %v", n.addr, c.resolver.Asked())
		}
		for _, name := range []string{"", "elsewhere.example"} {
			if c.certificate(n, name, host) == nil {
				t.Errorf("node %s has no certificate for a client that asks for %q", n.addr, name)
			}
		}
	}
	c.noneLeft(c.nodes[:]...)
}

// TestAnotherNodeAnswers has a CA that never comes to the node which orders.
func TestAnotherNodeAnswers(t *testing.T) {
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		t.Run(challenge, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			for _, n := range c.nodes {
				config := c.config(n)
				config.Challenge = challenge
				n.run(config)
			}
			orders, answers := c.nodes[0], c.nodes[1]
			c.resolver.Hosts(answers.addr)
			orders.tell("start")
			first := c.waitCertificate(host, whichever, orders)
			if !answers.logged("served key authentication", `"challenge":"`+challenge+`"`, `"distributed":true`) {
				t.Error("the other node did not answer the challenge")
			}
			for _, n := range c.nodes[1:] {
				n.tell("start")
			}
			c.waitCertificate(host, first.Equal, c.nodes[:]...)
			c.expectIssued(1)
			c.noneLeft(c.nodes[:]...)
		})
	}
}

// TestRenewal renews a certificate that is due on all three nodes at once.
func TestRenewal(t *testing.T) {
	for name, reuse := range map[string]bool{"same key": true, "another key": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			config := c.config(c.nodes[0])
			config.Profile = "short" // renewed as soon as anybody looks
			config.Siblings = nil
			c.resolver.Spread(c.nodes[0].dns)
			c.nodes[0].run(config)
			c.nodes[0].tell("start")
			old := c.waitCertificate(host, whichever, c.nodes[0])
			c.nodes[0].stop()

			c.resolver.Spread(c.nodes[0].dns, c.nodes[1].dns, c.nodes[2].dns)
			for _, n := range c.nodes {
				config := c.config(n)
				config.ReuseKeys = reuse
				n.run(config)
				n.tell("records")
			}
			for _, n := range c.nodes {
				n.tell("start")
			}
			renewed := c.waitCertificate(host, func(cert *x509.Certificate) bool { return !cert.Equal(old) }, c.nodes[:]...)
			if same := bytes.Equal(old.RawSubjectPublicKeyInfo, renewed.RawSubjectPublicKeyInfo); same != reuse {
				t.Errorf("the key stayed the same: %v, expected %v", same, reuse)
			}
			if !renewed.NotAfter.After(old.NotAfter) {
				t.Errorf("valid until %s, before it was renewed until %s", renewed.NotAfter, old.NotAfter)
			}
			c.expectIssued(2)
			c.noneLeft(c.nodes[:]...)
		})
	}
}

func TestNodeDown(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	up, down := c.nodes[:2], c.nodes[2]
	down.vanish()
	c.resolver.Spread(up[0].dns, up[1].dns)
	for _, n := range up {
		n.run(c.config(n))
		n.tell("records")
	}
	for _, n := range up {
		n.tell("start")
	}
	c.waitCertificate(host, whichever, up...)
	c.expectIssued(1)
	if !up[0].logged("sibling cannot be reached", down.dns.String()) && !up[1].logged("sibling cannot be reached", down.dns.String()) {
		t.Error("nobody has logged that a sibling is out of reach")
	}
	c.noneLeft(up...)
}

func TestSiblingRefuses(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for i, n := range c.nodes {
		config := c.config(n)
		if i == 1 {
			config.Key = overlay.Key{Name: nodeKey.Name, Secret: base64.StdEncoding.EncodeToString([]byte("a secret that the others don't know"))}
		}
		n.run(config)
		n.tell("records")
	}
	orders := c.nodes[0]
	orders.tell("start")
	c.wait("a clear error", func() bool {
		return orders.logged(`"level":"error"`, "could not get certificate", "sibling "+c.nodes[1].dns.String(), "BADSIG: it has another secret")
	})
	if orders.logged(nodeKey.Secret) {
		t.Error("the log tells the secret")
	}
	if _, issued := c.ca.Orders(t); issued != 0 {
		t.Errorf("%d certificates were issued", issued)
	}
	c.noneLeft(c.nodes[:]...)
	if c.certificate(orders, host, host) != nil {
		t.Error("there is a certificate all the same")
	}
}

// TestValidationFails has a CA that asks a node which knows nothing.
func TestValidationFails(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.resolver.Spread(c.nodes[2].dns)
	for _, n := range c.nodes {
		config := c.config(n)
		config.Siblings = config.Siblings[:0]
		if n == c.nodes[0] {
			config.Siblings = append(config.Siblings, c.nodes[1].dns)
		}
		n.run(config)
		n.tell("records")
	}
	c.nodes[0].tell("start")
	c.wait("the CA's error", func() bool {
		return c.nodes[0].logged(`"level":"error"`, "could not get certificate", "No TXT records found")
	})
	c.noneLeft(c.nodes[:]...)
	c.expectFailed()
}

func (c *cluster) expectFailed() {
	c.t.Helper()
	if _, issued := c.ca.Orders(c.t); issued != 0 {
		c.t.Errorf("%d certificates were issued", issued)
	}
}
