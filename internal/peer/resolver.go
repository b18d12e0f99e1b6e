package peer

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Resolver stands for the Internet's resolvers as a CA uses them: it answers for
// addresses of hosts itself, and asks every other question of the next one of
// several nodes, as if each came from another part of the world.
type Resolver struct {
	Addr netip.AddrPort // of TCP and UDP

	mu        sync.Mutex
	nodes     []netip.AddrPort
	addresses []netip.Addr
	nextNode  int
	nextHost  int
	asked     map[netip.AddrPort]int
}

// StartResolver runs a resolver until the end of the test.
func StartResolver(t testing.TB) *Resolver {
	t.Helper()
	r := &Resolver{asked: map[netip.AddrPort]int{}}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.Addr = netip.MustParseAddrPort(tcp.Addr().String())
	server := &dns.Server{Listener: tcp, Handler: dns.HandlerFunc(r.answer)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.ActivateAndServe()
	}()
	t.Cleanup(func() {
		tcp.Close()
		server.Shutdown()
		<-done
	})
	return r
}

// Spread sets the nodes that questions are spread over.
func (r *Resolver) Spread(nodes ...netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes = nodes
}

// Hosts sets the address of every host. Of several each question for it gets the next.
func (r *Resolver) Hosts(addresses ...netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addresses = addresses
}

// Asked returns how many questions each node has answered.
func (r *Resolver) Asked() map[netip.AddrPort]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := map[netip.AddrPort]int{}
	for node, n := range r.asked {
		asked[node] = n
	}
	return asked
}

func (r *Resolver) answer(w dns.ResponseWriter, m *dns.Msg) {
	reply := new(dns.Msg).SetReply(m)
	switch q := m.Question[0]; q.Qtype {
	case dns.TypeA:
		address, ok := next(r, &r.addresses, &r.nextHost)
		if !ok {
			break
		}
		reply.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET},
			A:   address.AsSlice(),
		}}
	case dns.TypeAAAA:
	default:
		node, ok := next(r, &r.nodes, &r.nextNode)
		if !ok {
			break
		}
		client := dns.Client{Timeout: 5 * time.Second}
		got, _, err := client.Exchange(m, node.String())
		if err != nil {
			reply.Rcode = dns.RcodeServerFailure
			break
		}
		r.mu.Lock()
		r.asked[node]++
		r.mu.Unlock()
		reply = got
	}
	w.WriteMsg(reply)
}

// next returns the members of list in turn, and false if it has none.
func next[T any](r *Resolver, list *[]T, turn *int) (member T, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(*list) == 0 {
		return member, false
	}
	*turn++
	return (*list)[*turn%len(*list)], true
}
