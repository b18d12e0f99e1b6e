package udp

import (
	"bytes"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"yushan/internal/testengine"
)

// The whole way of a query, over real sockets: system calls, engine, counters.
func TestNoAllocationPerQuery(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::]:0"} {
		s := start(t, Config{Addr: netip.MustParseAddrPort(listen), Workers: 1})
		to := netip.MustParseAddr("127.0.0.1")
		if s.Addr().Addr().Is6() {
			to = netip.IPv6Loopback()
		}
		conn := dial(t, netip.AddrPortFrom(to, s.Addr().Port()))
		query, buf := testengine.Query(t, 1), make([]byte, 4096)
		const batch = 100
		allocations := testing.AllocsPerRun(50, func() {
			for range batch {
				if _, err := conn.Write(query); err != nil {
					t.Fatal(err)
				}
			}
			for range batch {
				if _, err := conn.Read(buf); err != nil {
					t.Fatal(err)
				}
			}
		})
		// AllocsPerRun counts the whole process: the runtime may have its own now and then.
		if allocations > 2 {
			t.Errorf("%s: %v allocations for %d queries, expected none", listen, allocations, batch)
		}
	}
}

// The control message of the query, turned around in place, says the same as the
// one that x/sys builds.
func TestTurnAround(t *testing.T) {
	info4 := unix.Inet4Pktinfo{Ifindex: 3, Spec_dst: [4]byte{192, 0, 2, 1}, Addr: [4]byte{192, 0, 2, 1}}
	info6 := unix.Inet6Pktinfo{Ifindex: 3, Addr: netip.MustParseAddr("2001:db8::1").As16()}
	local := unix.Inet6Pktinfo{Ifindex: 3, Addr: netip.MustParseAddr("fe80::1").As16()}
	turned4, turned6 := info4, info6
	turned4.Ifindex, turned6.Ifindex = 0, 0
	for _, tt := range []struct {
		name          string
		is6           bool
		control, want []byte // want nil: not usable
	}{
		{"IPv4", false, unix.PktInfo4(&info4), unix.PktInfo4(&turned4)},
		{"IPv6", true, unix.PktInfo6(&info6), unix.PktInfo6(&turned6)},
		{"IPv6 link-local", true, unix.PktInfo6(&local), unix.PktInfo6(&local)},
		{"none", false, nil, nil},
		{"cut off", false, unix.PktInfo4(&info4)[:20], nil},
		{"another family", false, unix.PktInfo6(&info6), nil},
		{"another kind", true, append(unix.UnixRights(1, 2, 3, 4, 5)[:16:16], make([]byte, 24)...), nil},
	} {
		b := newBatch(tt.is6, true, 512)
		n := copy(b.controls[5][:], tt.control)
		b.in[5].Hdr.SetControllen(n)
		ok := b.turnAround(5)
		if ok != (tt.want != nil) {
			t.Errorf("%s: usable %v, expected %v", tt.name, ok, tt.want != nil)
		} else if ok && !bytes.Equal(b.controls[5][:n], tt.want) {
			t.Errorf("%s: %x, expected %x", tt.name, b.controls[5][:n], tt.want)
		}
	}
}
