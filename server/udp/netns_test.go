package udp

import (
	"net/netip"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"yushan/internal/peer"
	"yushan/internal/testengine"
)

// inNamespace calls f in a new network namespace with its loopback interface up
// and commands done. Sockets opened by f's own goroutine belong to it for good.
func inNamespace(t *testing.T, commands []string, f func()) {
	t.Helper()
	skipped := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			skipped <- "network namespaces need root: " + err.Error()
			return
		}
		for _, command := range append([]string{"ip link set lo up"}, commands...) {
			if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
				skipped <- command + ": " + string(out)
				return
			}
		}
		f()
	}()
	<-done
	select {
	case reason := <-skipped:
		peer.Missing(t, reason)
	default:
	}
}

// persist is exchange for addresses that have just been added: the kernel may lose
// datagrams, and give sockets a bad route, while it sets the right ones up. It
// asks again, as a resolver would.
func persist(t *testing.T, to netip.AddrPort, query []byte) {
	t.Helper()
	buf := make([]byte, 512)
	for end := time.Now().Add(patience); ; {
		conn := dial(t, to)
		if _, err := conn.Write(query); err != nil {
			t.Fatal(err)
		}
		conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := conn.Read(buf)
		if err == nil {
			err = testengine.Check(query, buf[:n])
		} else if time.Now().Before(end) {
			continue
		}
		if err != nil {
			t.Fatalf("no answer from %s: %v", to, err)
		}
		return
	}
}

// An anycast node has many IPv6
// addresses on its loopback interface.
func TestWildcardIPv6AnswersFromTheAddressAsked(t *testing.T) {
	addresses := []string{"2001:db8::53", "2001:db8:1::53", "::1"}
	inNamespace(t, []string{
		"ip addr add 2001:db8::53/128 dev lo nodad",
		"ip addr add 2001:db8:1::53/128 dev lo nodad",
	}, func() {
		s := start(t, Config{Addr: netip.MustParseAddrPort("[::]:0")})
		for _, ip := range addresses {
			persist(t, netip.AddrPortFrom(netip.MustParseAddr(ip), s.Addr().Port()), testengine.Query(t, 1))
		}
	})
}

func TestLinkLocalClient(t *testing.T) {
	inNamespace(t, []string{"ip addr add fe80::53/64 dev lo nodad"}, func() {
		for _, listen := range []string{"[::]:0", "[fe80::53%lo]:0"} {
			s := start(t, Config{Addr: netip.MustParseAddrPort(listen)})
			persist(t, netip.AddrPortFrom(netip.MustParseAddr("fe80::53%lo"), s.Addr().Port()), testengine.Query(t, 1))
		}
	})
}

// A client whose answer the firewall forbids, one to whom there is no route, one
// with port 0: the others in the same batch get their answers.
func TestOneBadClientDoesNotHurtTheBatch(t *testing.T) {
	inNamespace(t, []string{
		"ip addr add 192.0.2.1/32 dev lo", "ip addr add 192.0.2.2/32 dev lo",
		// The queries come in, but answers to these clients fail in sendmmsg.
		"ip rule add to 192.0.2.1 sport 5300 prohibit pref 1", "ip rule add to 192.0.2.2 sport 5300 unreachable pref 2",
		"ip rule add lookup local pref 5", "ip rule del pref 0",
		"sysctl -q net.ipv4.conf.all.accept_local=1 net.ipv4.conf.lo.accept_local=1",
	}, func() {
		s, err := Listen(Config{Addr: netip.MustParseAddrPort("0.0.0.0:5300"), Workers: 1}, testengine.New(t))
		if err != nil {
			t.Fatal(err)
		}
		good := dial(t, netip.MustParseAddrPort("127.0.0.1:5300"))
		raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_UDP)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(raw)
		for n := range 10 {
			for _, client := range []string{"192.0.2.1", "192.0.2.2"} {
				from := netip.AddrPortFrom(netip.MustParseAddr(client), 4321)
				sendFrom(t, raw, from, testengine.Query(t, n))
			}
			sendFrom(t, raw, netip.MustParseAddrPort("127.0.0.1:0"), testengine.Query(t, n))
			if _, err := good.Write(testengine.Query(t, n)); err != nil {
				t.Fatal(err)
			}
		}
		serve(t, s) // all of it is one batch
		buf := make([]byte, 512)
		for n := range 10 {
			if _, err := good.Read(buf); err != nil {
				t.Fatalf("answer %d of 10: %v", n, err)
			}
		}
		c := settled(t, s, 40)
		if c.Queries != 40 || c.Responses != 10 || c.SendErrors != 20 || c.Unanswered != 10 || c.Batches != 1 {
			t.Errorf("counters %+v: expected 40 queries in 1 batch, 10 responses, 20 send errors, 10 unanswered", c)
		}
	})
}

// sendFrom sends a query to 127.0.0.1:5300 with a source of the test's choice.
func sendFrom(t *testing.T, raw int, from netip.AddrPort, query []byte) {
	t.Helper()
	port, length := from.Port(), len(query)+8
	udp := []byte{byte(port >> 8), byte(port), 5300 >> 8, 5300 & 0xff, byte(length >> 8), byte(length), 0, 0}
	source := &unix.Inet4Pktinfo{Spec_dst: from.Addr().As4()}
	to := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Sendmsg(raw, append(udp, query...), unix.PktInfo4(source), to, 0); err != nil {
		t.Fatalf("raw query from %s: %v", from, err)
	}
}

// With a full send buffer the worker waits, then gives single answers up; it
// answers again when there is room.
func TestFullSendBuffer(t *testing.T) {
	inNamespace(t, []string{"tc qdisc replace dev lo root tbf rate 8kbit burst 2kb limit 1mb", "tc qdisc del dev lo root"}, func() {
		s, err := Listen(Config{Addr: loopback, Workers: 1}, testengine.New(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := setInt(s.workers[0].fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
			t.Fatal(err)
		}
		conn := dial(t, s.Addr())
		for n := range 64 {
			if _, err := conn.Write(testengine.Query(t, n)); err != nil {
				t.Fatal(err)
			}
		}
		shape := func(command string) {
			if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
				t.Fatalf("%s: %s", command, out)
			}
		}
		shape("tc qdisc replace dev lo root tbf rate 8kbit burst 2kb limit 1mb")
		serve(t, s)
		c := settled(t, s, 64)
		if c.Queries != 64 || c.SendErrors == 0 || c.Responses == 0 {
			t.Errorf("counters %+v: expected 64 queries, some answered, some not sent", c)
		}
		shape("tc qdisc del dev lo root")
		responses := c.Responses
		eventually(t, "no answers when there is room again", func() bool {
			conn.Write(testengine.Query(t, 1))
			return s.Counters().Responses > responses
		})
	})
}
