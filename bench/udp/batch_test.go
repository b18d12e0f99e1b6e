package udp

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What the kernel tells beside a message, in the forms that it has, and cut off.
func TestControlMessages(t *testing.T) {
	stamp := make([]byte, unix.CmsgSpace(stampBytes))
	header := (*unix.Cmsghdr)(unsafe.Pointer(&stamp[0]))
	header.Level, header.Type = unix.SOL_SOCKET, unix.SCM_TIMESTAMPNS
	header.SetLen(unix.CmsgLen(stampBytes))
	*(*unix.Timespec)(unsafe.Pointer(&stamp[cmsgDataAt])) = unix.NsecToTimespec(1_700_000_000_123_456_789)
	const at = 1_700_000_000_123_456_789
	to4, to6 := netip.MustParseAddr("192.0.2.7").As4(), netip.MustParseAddr("2001:db8::7").As16()
	info4 := unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: 1, Spec_dst: [4]byte{1, 2, 3, 4}, Addr: to4})
	info6 := unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: 1, Addr: to6})
	rights := unix.UnixRights(1, 2, 3)
	for _, tt := range []struct {
		name    string
		control []byte
		stamp   int64
		to      []byte
	}{
		{"none", nil, 0, nil},
		{"stamp", stamp, at, nil},
		{"stamp and IPv4", append(bytes.Clone(stamp), info4...), at, to4[:]},
		{"IPv6 and stamp", append(bytes.Clone(info6), stamp...), at, to6[:]},
		{"others around it", append(append(bytes.Clone(rights), stamp...), rights...), at, nil},
		{"cut off", stamp[:unix.CmsgLen(stampBytes)-1], 0, nil},
		{"header cut off", stamp[:cmsgDataAt-1], 0, nil},
		{"length 0", make([]byte, 64), 0, nil},
	} {
		in := newIncoming(false)
		in.messages[9].Hdr.SetControllen(copy(in.controls[9][:], tt.control))
		if stamp, to := in.control(9); stamp != tt.stamp || !bytes.Equal(to, tt.to) {
			t.Errorf("%s: stamp %d, sent to %v, expected %d and %v", tt.name, stamp, to, tt.stamp, tt.to)
		}
	}
}

// The kernel says when a message came, even if it is read much later.
func TestStampsOfTheKernel(t *testing.T) {
	target, err := newTarget(netip.MustParseAddrPort("127.0.0.1:9"))
	if err != nil {
		t.Fatal(err)
	}
	fd, err := target.open()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback.As4()}); err != nil {
		t.Fatal(err)
	}
	to, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	in := newIncoming(true)
	if _, errno := in.receive(fd); errno != unix.EAGAIN {
		t.Fatalf("an empty queue: %v, expected EAGAIN", errno)
	}
	before := time.Now()
	if err := unix.Sendto(fd, []byte("one"), 0, to); err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	time.Sleep(20 * time.Millisecond)
	n, errno := in.receive(fd)
	if n != 1 || errno != 0 || string(in.message(0)) != "one" {
		t.Fatalf("%d messages, %v, %q, expected %q", n, errno, in.message(0), "one")
	}
	if stamp, _ := in.control(0); stamp < before.UnixNano() || stamp > after.UnixNano() {
		t.Errorf("stamped %d, expected %d to %d", stamp, before.UnixNano(), after.UnixNano())
	}
	target.addr = netip.AddrPortFrom(loopback, uint16(to.(*unix.SockaddrInet4).Port))
	if !target.is(in.from(0)) {
		t.Errorf("it came from %x, expected %s", in.from(0), target.addr)
	}
}

// The largest answers are seen whole, and many at once.
func TestLongAndManyMessages(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	in := newIncoming(false)
	for round, size := range []int{65507, 12, 65507} {
		message := bytes.Repeat([]byte{byte(round + 1)}, size)
		sent := 0
		for unix.Send(fds[0], message, 0) == nil {
			sent++
		}
		for sent > 0 {
			n, errno := in.receive(fds[1])
			if errno != 0 || n > batchLen {
				t.Fatalf("round %d: %d messages, %v, with %d to come", round, n, errno, sent)
			}
			for i := range n {
				if !bytes.Equal(in.message(i), message) {
					t.Fatalf("round %d: message %d has %d bytes, expected the %d that were sent", round, i, len(in.message(i)), size)
				}
			}
			sent -= n
		}
	}
}
