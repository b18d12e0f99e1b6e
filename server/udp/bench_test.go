package udp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"yushan/internal/testengine"
)

// The load of a benchmark comes from another process, so that the CPU time of
// this one is the server's. It is this test binary, run with these variables.
const loadAddr, loadQueries = "YUSHAN_UDP_LOAD_ADDR", "YUSHAN_UDP_LOAD_QUERIES"

func TestMain(m *testing.M) {
	if addr := os.Getenv(loadAddr); addr != "" {
		n, err := strconv.Atoi(os.Getenv(loadQueries))
		if err == nil {
			err = sendLoad(netip.MustParseAddrPort(addr), n)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "load:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// sendLoad has n queries answered, with 256 under way.
func sendLoad(to netip.AddrPort, n int) error {
	fd, err := newSocket(to.Addr(), 16<<20)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ip := to.Addr().As4()
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: ip, Port: int(to.Port())}); err != nil {
		return err
	}
	b := newBatch(false, false, 512)
	sent, answered := 0, 0
	for answered < n {
		for sent-answered <= 256-batchLen && sent < n {
			b.ready = 0
			for range min(batchLen, n-sent) {
				copy(b.answer(), "\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x05d0000\x02tw\x00\x00\x01\x00\x01")
				number := sent % 10000
				for digit := range 4 {
					b.answer()[21-digit] = byte('0' + number%10)
					number /= 10
				}
				binary.BigEndian.PutUint16(b.answer(), uint16(sent))
				b.outIOV[b.ready].SetLen(32)
				b.ready++
				sent++
			}
			for from := 0; from < b.ready; {
				k, errno := b.send(fd, from)
				if errno != 0 {
					return errno
				}
				from += k
			}
		}
		k, errno := b.receiveWait(fd)
		if errno == unix.EAGAIN {
			return fmt.Errorf("%d of %d queries answered, then no more", answered, n)
		}
		answered += k
	}
	return nil
}

// BenchmarkUDP compares the server with the same batches sent back untouched,
// which is what the kernel and the two system calls cost.
func BenchmarkUDP(b *testing.B) {
	b.Run("server", func(b *testing.B) {
		s := start(b, Config{Workers: 1})
		underLoad(b, s.Addr())
		c := s.Counters()
		b.ReportMetric(float64(c.Queries)/float64(c.Batches), "queries/batch")
	})
	b.Run("echo", func(b *testing.B) {
		fds, err := openSockets(loopback, 1, 4<<20)
		if err != nil {
			b.Fatal(err)
		}
		defer closeAll(fds)
		addr, err := localAddr(fds[0], loopback)
		if err != nil {
			b.Fatal(err)
		}
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			echo(fds[0], stop)
		}()
		underLoad(b, addr)
		close(stop)
		<-done
	})
}

// echo sends the bytes back that it receives, with the fewest of instructions.
func echo(fd int, stop chan struct{}) {
	batch := newBatch(false, false, 512)
	for {
		n, errno := batch.receive(fd)
		if errno == unix.EAGAIN {
			n, errno = batch.receiveWait(fd)
		}
		if errno != 0 {
			select {
			case <-stop:
				return
			default:
				continue
			}
		}
		batch.ready = 0
		for i := range n {
			batch.outIOV[i].Base = batch.inIOV[i].Base
			batch.queue(i, int(batch.in[i].Len))
		}
		batch.send(fd, 0)
	}
}

func underLoad(b *testing.B, addr netip.AddrPort) {
	testengine.MeasureLoad(b, loadAddr+"="+addr.String(), loadQueries+"="+strconv.Itoa(b.N))
}
