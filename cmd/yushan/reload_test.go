package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestReloadLosesNoQuery changes both zones twenty times under load.
func TestReloadLosesNoQuery(t *testing.T) {
	s := newSite(t)
	write := func(serial int) {
		put(t, s.path("tw.zone"), zoneText(serial))
		put(t, s.path("taiwan.zone"), zoneText(serial))
	}
	write(1)
	s.configure(twoZones)
	p := s.start()

	ctx, cancel := context.WithCancel(context.Background())
	var (
		group    sync.WaitGroup
		answered atomic.Int64
	)
	for i, network := range []string{"udp", "udp", "tcp", "tcp"} {
		group.Go(func() {
			conn, err := dns.Dial(network, fmt.Sprintf("127.0.0.1:%d", s.port))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			zone := []string{"tw.", "xn--kpry57d."}[i%2]
			last := uint32(0)
			for id := uint16(1); ctx.Err() == nil; id++ {
				m := new(dns.Msg)
				m.SetQuestion(zone, dns.TypeSOA)
				m.Id = id
				conn.SetDeadline(time.Now().Add(testPatience))
				if err := conn.WriteMsg(m); err != nil {
					t.Errorf("query %d by %s: %v", id, network, err)
					return
				}
				r, err := conn.ReadMsg()
				if err != nil || r.Id != id || len(r.Answer) != 1 {
					t.Errorf("query %d by %s was lost: %v\n%v", id, network, err, r)
					return
				}
				serial := r.Answer[0].(*dns.SOA).Serial
				if serial < last {
					t.Errorf("serial %d of %s after %d", serial, zone, last)
				}
				last = serial
				answered.Add(1)
			}
		})
	}
	const reloads = 20
	for i := 2; i < 2+reloads; i++ {
		write(i)
		before := answered.Load()
		p.signal(syscall.SIGHUP)
		p.await("reloaded", i-1)
		for end := time.Now().Add(testPatience); answered.Load() < before+100 && time.Now().Before(end) && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	cancel()
	group.Wait()
	for _, zone := range []string{"tw.", "xn--kpry57d."} {
		if got := serial(t, s.port, zone); got != 1+reloads {
			t.Errorf("serial of %s is %d, expected %d", zone, got, 1+reloads)
		}
	}
	t.Logf("%d queries during %d reloads", answered.Load(), reloads)
}

func TestBrokenZoneKeepsTheOldOne(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	put(t, s.path("taiwan.zone"), zoneText(1))
	s.configure(twoZones)
	p := s.start()
	put(t, s.path("tw.zone"), strings.Replace(zoneText(2), "192.0.2.1", "192.0.2.300", 1))
	put(t, s.path("taiwan.zone"), zoneText(2))
	p.signal(syscall.SIGHUP)
	p.await("reloaded  zones=2 unchanged=0 failed=1", 1)
	for _, text := range []string{"zone KEEPS ITS OLD VERSION in service: the new one could not be loaded  zone=tw.", "tw.zone:4:", `192.0.2.300`} {
		p.await(text, 1)
	}
	if got := serial(t, s.port, "tw."); got != 1 {
		t.Errorf("serial of the broken zone is %d, expected the old 1", got)
	}
	if got := serial(t, s.port, "xn--kpry57d."); got != 2 {
		t.Errorf("serial of the zone that is good is %d, expected 2", got)
	}
	put(t, s.path("tw.zone"), zoneText(3))
	p.signal(syscall.SIGHUP)
	p.await("reloaded", 2)
	if got := serial(t, s.port, "tw."); got != 3 {
		t.Errorf("serial of the repaired zone is %d, expected 3", got)
	}
	os.Remove(s.path("tw.zone")) // the configuration names a file that isn't there: refused
	p.signal(syscall.SIGHUP)
	p.await("reload REFUSED", 1)
	if got := serial(t, s.port, "tw."); got != 3 {
		t.Errorf("serial is %d without its file, expected 3", got)
	}
}

func TestBrokenConfigChangesNothing(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	put(t, s.path("taiwan.zone"), zoneText(1))
	s.configure(twoZones)
	p := s.start()
	put(t, s.path("tw.zone"), zoneText(2))
	s.configure("zones:\n  - {name: tw, file: tw.zone}", "lisen: 127.0.0.1", "udp: {workers: many}")
	p.signal(syscall.SIGHUP)
	p.await("reload REFUSED: nothing was changed", 1)
	p.await(`lisen: unknown key; did you mean "listen"?`, 1)
	p.await("udp.workers: expected a number", 1)
	for _, zone := range []string{"tw.", "xn--kpry57d."} {
		if got := serial(t, s.port, zone); got != 1 {
			t.Errorf("serial of %s is %d, expected the old 1", zone, got)
		}
	}
}

func TestReloadFollowsTheConfig(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	put(t, s.path("taiwan.zone"), zoneText(1))
	s.configure("zones:\n  - {name: tw, file: tw.zone}")
	p := s.start()
	old := s.port

	s.port = freePort(t)
	s.configure(twoZones, "log: {level: debug}", "udp: {workers: 1}", "tcp: {idle-timeout: 5s}")
	p.signal(syscall.SIGHUP)
	p.await("reloaded", 1)
	p.await("this change needs a restart  key=udp.workers", 1)
	p.await("this change needs a restart  key=tcp", 1)
	if got := serial(t, s.port, "xn--kpry57d."); got != 1 {
		t.Errorf("the new zone on the new port has serial %d, expected 1", got)
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", old))
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the old port: %v, expected %v", err, syscall.ECONNREFUSED)
	}
	if err == nil {
		conn.Close()
	}

	s.configure("zones:\n  - {name: 台灣, file: taiwan.zone}")
	p.signal(syscall.SIGHUP)
	p.await("reloaded", 2)
	p.await("zone removed  zone=tw.", 1)
	if got := serial(t, s.port, "tw."); got != 0 {
		t.Errorf("the removed zone has serial %d, expected none", got)
	}

	// A port that another has: refused, and all stays.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	good := s.port
	s.port = l.Addr().(*net.TCPAddr).Port
	s.configure(twoZones)
	p.signal(syscall.SIGHUP)
	p.await("reload REFUSED", 1)
	if got := serial(t, good, "xn--kpry57d."); got != 1 {
		t.Errorf("after a refused reload the serial is %d, expected 1", got)
	}
}

func TestUnchangedZoneIsNotReadAgain(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), "$INCLUDE rest.inc\n")
	put(t, s.path("rest.inc"), zoneText(1))
	put(t, s.path("taiwan.zone"), zoneText(1))
	time.Sleep(2 * time.Second) // until the next change of a file is sure to show in its ctime
	s.configure(twoZones, "log: {level: debug}")
	p := s.start()
	p.signal(syscall.SIGHUP)
	p.await("reloaded", 1)
	p.await("zone unchanged", 2)
	put(t, s.path("rest.inc"), zoneText(2)) // the included file counts
	p.signal(syscall.SIGHUP)
	p.await("reloaded", 2)
	p.await("zone unchanged", 3)
	if got := serial(t, s.port, "tw."); got != 2 {
		t.Errorf("serial is %d after the included file was changed, expected 2", got)
	}
}
