package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

const oneZone = "zones:\n  - {name: tw, file: tw.zone}"

// keepImages configures zones with a storage.
func (s *site) keepImages(zones string, lines ...string) {
	s.t.Helper()
	s.configure(append([]string{zones, "storage: state", "log: {level: debug}"}, lines...)...)
}

func (s *site) image(zone string) string {
	return filepath.Join(s.dir, "state", "images", zone+".image")
}

// saved starts a server and stops it when it has written n images.
func (s *site) saved(n int) {
	s.t.Helper()
	p := s.start()
	p.await("zone image written", n)
	p.stop()
}

// fromImage fails unless the zone came from its image.
func (p *process) fromImage(zone string, serial int) {
	p.t.Helper()
	p.await(fmt.Sprintf("zone loaded from its image  zone=%s serial=%d", zone, serial), 1)
}

// fromText fails unless the zone came from its master file.
func (p *process) fromText(zone string, serial int) {
	p.t.Helper()
	p.await(fmt.Sprintf("zone loaded  zone=%s serial=%d", zone, serial), 1)
}

func (s *site) wantSerial(zone string, want int) {
	s.t.Helper()
	if got := serial(s.t, s.port, zone); got != want {
		s.t.Errorf("serial of %s is %d, expected %d", zone, got, want)
	}
}

func TestRestartFromImages(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	put(t, s.path("rest.inc"), zoneText(2))
	put(t, s.path("taiwan.zone"), "$INCLUDE rest.inc\n")
	s.keepImages(twoZones)
	p := s.start()
	p.fromText("tw.", 1)
	p.await("zone image written", 2)
	p.stop()

	p = s.start()
	p.fromImage("tw.", 1)
	p.fromImage("台灣. (xn--kpry57d.)", 2)
	p.await("zone from its image is verified", 2)
	s.wantSerial("tw.", 1)
	s.wantSerial("xn--kpry57d.", 2)
	if r := ask(t, "tcp", s.port, "www.example.tw.", dns.TypeA); len(r.Ns) != 1 || len(r.Extra) != 1 || r.Authoritative {
		t.Errorf("expected a referral with glue, have\n%v", r)
	}
	p.signal(syscall.SIGHUP)
	p.await("reloaded  zones=2 unchanged=2", 1)
	put(t, s.path("rest.inc"), zoneText(3)) // the included file counts
	p.signal(syscall.SIGHUP)
	p.await("reloaded", 2)
	p.await("zone image written", 1)
	p.stop()

	put(t, s.path("tw.zone"), zoneText(4)) // while nobody looks
	p = s.start()
	p.await("zone image is older than the zone's files  zone=tw. changed="+s.path("tw.zone"), 1)
	p.fromText("tw.", 4)
	p.fromImage("台灣. (xn--kpry57d.)", 3)
	s.wantSerial("tw.", 4)
	p.await("zone image written", 1)
	p.stop()

	p = s.start()
	p.fromImage("tw.", 4)
	p.stop()
	if strings.Contains(p.text(), "zone image written") {
		t.Error("an image is written that is there already")
	}
}

// A zone that was generated a moment ago has an image, too.
func TestImageOfFreshFile(t *testing.T) {
	s := newSite(t)
	s.keepImages(oneZone)
	put(t, s.path("tw.zone"), zoneText(1))
	s.saved(1)
	p := s.start()
	p.fromImage("tw.", 1)
	put(t, s.path("tw.zone"), zoneText(2))
	p.signal(syscall.SIGHUP)
	p.await("zone image written", 1)
	p.stop()
	s.start().fromImage("tw.", 2)
}

func TestImageByFlag(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	args := []string{"serve", "--zone", "tw=" + s.path("tw.zone"), "--listen", fmt.Sprintf("127.0.0.1:%d", s.port),
		"--storage", s.path("state"), "--log-format", "console"}
	p := start(t, "serving", nil, args...)
	p.await("zone image written", 1)
	p.stop()
	p = start(t, "serving", nil, args...)
	p.fromImage("tw.", 1)
	p.stop()
	// The same file under another name is another source.
	if err := os.Rename(s.path("tw.zone"), s.path("other.zone")); err != nil {
		t.Fatal(err)
	}
	args[2] = "tw=" + s.path("other.zone")
	start(t, "serving", nil, args...).fromText("tw.", 1)
}

func TestImagesAreOffWithoutStorage(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	s.configure(oneZone)
	p := s.start()
	p.stop()
	if names, _ := os.ReadDir(s.dir); len(names) != 2 {
		t.Errorf("there are %v, expected a zone and a configuration", names)
	}
}

func TestLastImageIsServed(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	s.keepImages(oneZone)
	s.saved(1)

	broken := strings.Replace(zoneText(2), "192.0.2.1", "192.0.2.300", 1)
	put(t, s.path("tw.zone"), broken)
	p := s.start()
	p.await("zone is served FROM ITS LAST IMAGE: its master file could not be loaded", 1)
	p.await("192.0.2.300", 1)
	p.fromImage("tw.", 1)
	s.wantSerial("tw.", 1)
	p.signal(syscall.SIGHUP) // still broken
	p.await("zone KEEPS ITS OLD VERSION", 1)
	s.wantSerial("tw.", 1)
	put(t, s.path("tw.zone"), zoneText(3))
	p.signal(syscall.SIGHUP)
	p.await("reloaded", 2)
	s.wantSerial("tw.", 3)
	p.await("zone image written", 1)
	p.stop()

	os.Remove(s.path("tw.zone"))
	p = s.start()
	p.await("zone is served FROM ITS LAST IMAGE", 1)
	s.wantSerial("tw.", 3)
	p.signal(syscall.SIGHUP)
	p.await("zone KEEPS ITS OLD VERSION", 1)
	s.wantSerial("tw.", 3)
	p.stop()

	// "yushan check" judges the zone's files alone.
	if out, _, code := yushan(t, "check", "--config", s.path("yushan.yaml")); code != 1 || !strings.Contains(out, "there is no file") {
		t.Errorf("check: exit %d, expected 1, and that there is no file, in\n%s", code, out)
	}
	os.Remove(s.image("tw"))
	_, stderr, code := yushan(t, "serve", "--config", s.path("yushan.yaml"), "--log-format", "console")
	if code != 1 || !strings.Contains(stderr, "zone tw. cannot be read") {
		t.Errorf("without file and image: exit %d, expected 1, in\n%s", code, stderr)
	}
}

// rewrite changes the file of an image.
func (s *site) rewrite(zone string, change func([]byte) []byte) {
	s.t.Helper()
	b, err := os.ReadFile(s.image(zone))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.image(zone), change(b), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func TestImageIsRejected(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	s.keepImages(oneZone)
	s.saved(1)
	for want, change := range map[string]func([]byte) []byte{
		"its head is damaged":               func(b []byte) []byte { b[40] ^= 1; return b },
		"the checksum of bytes":             func(b []byte) []byte { b[len(b)-9] ^= 1; return b },
		"bytes long and should have":        func(b []byte) []byte { return b[:len(b)-100] },
		"this version of yushan reads":      func(b []byte) []byte { b[8]++; return b },
		"this version of yushan has":        func(b []byte) []byte { b[12]++; return b },
		"it is not an image of a zone":      func(b []byte) []byte { return []byte(zoneText(1)) },
		"it is of another zone":             func(b []byte) []byte { b[37] = 'u'; return mend(b) },
		"its memory is damaged: the serial": func(b []byte) []byte { b[40]++; return mend(b) },
	} {
		s.rewrite("tw", change)
		p := s.start()
		p.await("zone image is not used  zone=tw. error=", 1)
		p.fromText("tw.", 1)
		if want == "its memory is damaged: the serial" {
			want = "its memory is damaged: serial 1 inside, 2 outside"
		}
		p.await(want, 1)
		p.await("zone image written", 1)
		p.stop()
	}
	p := s.start()
	p.fromImage("tw.", 1)
	p.stop()
	// Neither of both is any good.
	s.rewrite("tw", func(b []byte) []byte { b[len(b)-9] ^= 1; return b })
	put(t, s.path("tw.zone"), "nonsense\n")
	_, stderr, code := yushan(t, "serve", "--config", s.path("yushan.yaml"), "--log-format", "console")
	if code != 1 || !strings.Contains(stderr, "zone tw. cannot be served") || !strings.Contains(stderr, "the checksum of bytes") {
		t.Errorf("exit %d, expected 1, and what is wrong with file and image, in\n%s", code, stderr)
	}
}

// mend gives the head of an image, whose memory is shorter than 256 KiB, its right
// checksums; see zone/image.
func mend(b []byte) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	end := 32 + int(binary.LittleEndian.Uint32(b[24:]))
	binary.LittleEndian.PutUint32(b[end-4:], crc32.Checksum(b[(end+4095)/4096*4096:], table))
	binary.LittleEndian.PutUint32(b[28:], crc32.Update(crc32.Checksum(b[:28], table), table, b[32:end]))
	return b
}

// An image that somebody has tampered with and that has right checksums is found out.
func TestImageIsVerified(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	s.keepImages(oneZone)
	s.saved(1)
	s.rewrite("tw", func(b []byte) []byte {
		// The only name server of the delegation gets a label that is too long.
		at := bytes.LastIndex(b, []byte("\x02ns"))
		if at < 0 {
			t.Fatal("there is no such label")
		}
		b[at] = 63
		return mend(b)
	})
	p := s.start()
	p.fromImage("tw.", 1)
	p.await("zone image is DAMAGED though its checksums are right", 1)
	p.await("reloaded", 1)
	p.fromText("tw.", 1)
	p.await("zone image written", 1)
	if r := ask(t, "udp", s.port, "www.example.tw.", dns.TypeA); len(r.Ns) != 1 || len(r.Extra) != 1 {
		t.Errorf("expected a referral with glue, have\n%v", r)
	}
	p.stop()
	p = s.start()
	p.fromImage("tw.", 1)
	p.await("zone from its image is verified", 1)
}

// largeText is a zone with so many delegations.
func largeText(serial, delegations int) string {
	var b strings.Builder
	b.WriteString(zoneText(serial))
	for i := range delegations {
		fmt.Fprintf(&b, "d%d NS ns.d%d\nd%d NS ns%d.example.net.\nns.d%d A 192.0.2.%d\n", i, i, i, i%100, i, i%250)
	}
	return b.String()
}

// A server that is killed while it writes an image leaves something to start from.
func TestKilledWhileWriting(t *testing.T) {
	delegations, kills := 40_000, 6
	if testing.Short() {
		delegations, kills = 5000, 3
	}
	s := newSite(t)
	s.keepImages(oneZone)
	for i := range kills {
		put(t, s.path("tw.zone"), largeText(i+1, delegations))
		p := s.start()
		s.wantSerial("tw.", i+1)
		time.Sleep(time.Duration(i*3) * time.Millisecond) // any moment will do
		p.signal(syscall.SIGKILL)
		<-p.done
		p = s.start()
		s.wantSerial("tw.", i+1)
		if strings.Contains(p.text(), "zone image is not used") {
			t.Errorf("kill %d: there is half an image:\n%s", i+1, p.text())
		}
		p.signal(syscall.SIGKILL)
		<-p.done
	}
	// What was left behind doesn't pile up, nor is it in the way.
	os.Remove(s.image("tw"))
	s.saved(1)
	names, err := os.ReadDir(filepath.Dir(s.image("tw")))
	if err != nil || len(names) != 2 {
		t.Errorf("there are %v (%v), expected an image and a lock", names, err)
	}
	s.start().fromImage("tw.", kills)
}

// Reloads of a large zone leave garbage in its memory, and so in its image.
func TestImageOfReloadedZone(t *testing.T) {
	s := newSite(t)
	s.keepImages(oneZone)
	put(t, s.path("tw.zone"), largeText(1, 40_000))
	p := s.start()
	p.await("zone image written", 1)
	put(t, s.path("tw.zone"), largeText(2, 40_000)+"new NS ns.new\nns.new A 192.0.2.77\n")
	p.signal(syscall.SIGHUP)
	p.await("zone changed  zone=tw. serial=2", 1)
	p.await("zone image written", 2)
	p.stop()
	p = s.start()
	p.fromImage("tw.", 2)
	p.await("zone from its image is verified", 1)
	for _, name := range []string{"new.tw.", "d39999.tw."} {
		if r := ask(t, "udp", s.port, name, dns.TypeA); len(r.Ns) == 0 || len(r.Extra) != 1 {
			t.Errorf("%s: expected a referral with glue, have\n%v", name, r)
		}
	}
	// Once more, on what came from an image.
	put(t, s.path("tw.zone"), largeText(3, 40_000))
	p.signal(syscall.SIGHUP)
	p.await("zone changed  zone=tw. serial=3", 1)
	if r := ask(t, "udp", s.port, "new.tw.", dns.TypeA); r.Rcode != dns.RcodeNameError {
		t.Errorf("expected that the name is gone, have\n%v", r)
	}
}

// The answers of a signed zone, proofs included, are the same from its image.
func TestImageOfSignedZone(t *testing.T) {
	s := newSite(t)
	put(t, s.path("plain.zone"), zoneText(1)+"*.wild A 192.0.2.9\nsigned NS ns.example\nsigned DS 1 8 2 "+strings.Repeat("ab", 32)+"\n")
	for _, how := range []string{"--nsec", "--nsec3 --opt-out"} {
		args := append([]string{"sign", "--zone", "tw=" + s.path("plain.zone"), "--out", s.path("tw.zone"), "--generate-keys", t.TempDir()}, strings.Fields(how)...)
		if _, stderr, code := yushan(t, args...); code != 0 {
			t.Fatalf("sign: exit %d\n%s", code, stderr)
		}
		s.keepImages(oneZone)
		answers := func() (all string) {
			for _, name := range []string{"tw.", "nothing.tw.", "a.nothing.tw.", "x.wild.tw.", "example.tw.", "a.signed.tw.", "ns.example.tw."} {
				for _, qtype := range []uint16{dns.TypeA, dns.TypeDS, dns.TypeDNSKEY, dns.TypeNS} {
					m := new(dns.Msg)
					m.SetQuestion(name, qtype).SetEdns0(4096, true)
					m.Id = 1
					r, _, err := (&dns.Client{Net: "tcp", Timeout: testPatience}).Exchange(m, fmt.Sprintf("127.0.0.1:%d", s.port))
					if err != nil {
						t.Fatal(err)
					}
					all += r.String()
				}
			}
			return all
		}
		os.Remove(s.image("tw"))
		p := s.start()
		p.await("zone image written", 1)
		want := answers()
		p.stop()
		p = s.start()
		p.fromImage("tw.", 1)
		p.await("zone from its image is verified", 1)
		if got := answers(); got != want {
			t.Errorf("%s: the answers are\n%s\nexpected\n%s", how, got, want)
		}
		p.stop()
	}
}

// limited mounts a file system of its own at the storage.
func (s *site) limited(options string, flags uintptr) {
	s.t.Helper()
	dir := filepath.Join(s.dir, "state")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		peer.Missing(s.t, "needs root, and file systems to mount")
	}
	s.t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
}

func TestNowhereToWriteImages(t *testing.T) {
	for want, mount := range map[string]struct {
		options string
		flags   uintptr
	}{
		"no space left on device": {"size=16k", 0},
		"read-only file system":   {"", syscall.MS_RDONLY},
	} {
		t.Run(want, func(t *testing.T) {
			s := newSite(t)
			put(t, s.path("tw.zone"), largeText(1, 500))
			s.limited(mount.options, mount.flags)
			s.keepImages(oneZone)
			for range 2 {
				p := s.start()
				p.await("zone image could NOT be written: a restart will read the master file  zone=tw.", 1)
				p.await(want, 1)
				p.fromText("tw.", 1)
				s.wantSerial("tw.", 1)
				p.stop()
			}
		})
	}
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	put(t, s.path("state"), "")
	s.keepImages(oneZone)
	if _, stderr, code := yushan(t, "serve", "--config", s.path("yushan.yaml")); code != 1 || !strings.Contains(stderr, "storage: "+s.path("state")+" is a file, expected a directory") {
		t.Errorf("a storage that is a file: exit %d, expected 1, in\n%s", code, stderr)
	}
}

// The images are written, and read, by the user that root is given up for.
func TestImagesOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		peer.Missing(t, "needs root")
	}
	s := newSite(t)
	for dir := s.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s.path("tw.zone"), zoneText(1))
	s.keepImages(oneZone, "user: nobody")
	s.saved(1)
	for path, mode := range map[string]os.FileMode{s.image("tw"): 0o600, filepath.Dir(s.image("tw")): 0o700, s.path("state"): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 65534 || info.Mode().Perm() != mode {
			t.Errorf("%s belongs to %d and has mode %v, expected 65534 and %v", path, stat.Uid, info.Mode(), mode)
		}
	}
	p := s.start()
	p.fromImage("tw.", 1)
	p.stop()
	// root doesn't believe what nobody has written.
	s.keepImages(oneZone)
	p = s.start()
	p.await("it belongs to user 65534, not to 0", 1)
	p.fromText("tw.", 1)
}

func TestStorageNeedsARestart(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	s.configure(oneZone)
	p := s.start()
	s.keepImages(oneZone)
	p.signal(syscall.SIGHUP)
	p.await("this change needs a restart  key=storage", 1)
}
