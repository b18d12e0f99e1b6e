package doq

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/internal/quicload"
	"yushan/internal/testengine"
)

// BenchmarkCoreDNS measures the CoreDNS that YUSHAN_COREDNS names, with the same
// delegations and the same load as BenchmarkServer.
func BenchmarkCoreDNS(b *testing.B) {
	binary := os.Getenv("YUSHAN_COREDNS")
	if binary == "" {
		b.Skip("YUSHAN_COREDNS names no CoreDNS")
	}
	measure(b, func(b *testing.B) (string, func(*testing.B)) { return startCoreDNS(b, binary) })
}

func startCoreDNS(b *testing.B, binary string) (addr string, done func(*testing.B)) {
	dir := b.TempDir()
	config := quicload.ServerTLS(b, "doq")
	key, err := x509.MarshalPKCS8PrivateKey(config.Certificates[0].PrivateKey)
	if err != nil {
		b.Fatal(err)
	}
	zone := new(bytes.Buffer)
	fmt.Fprint(zone, "tw. 86400 IN SOA a.dns.tw. hostmaster.tw. 1 3600 600 604800 300\ntw. 86400 IN NS a.dns.tw.\na.dns.tw. 86400 IN A 192.0.2.53\n")
	for n := range testengine.Delegations {
		fmt.Fprintf(zone, "d%d.tw. 3600 IN NS ns%d.example.net.\n", n, n%10)
	}
	addr = freeAddr(b)
	_, port, _ := net.SplitHostPort(addr)
	for name, content := range map[string][]byte{
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: config.Certificates[0].Certificate[0]}),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"tw.zone":  zone.Bytes(),
		"Corefile": fmt.Appendf(nil, "quic://.:%s {\n bind 127.0.0.1\n tls %[2]s/cert.pem %[2]s/key.pem\n file %[2]s/tw.zone tw.\n}\n", port, dir),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	peer := exec.Command(binary, "-conf", filepath.Join(dir, "Corefile"))
	var output bytes.Buffer
	peer.Stdout, peer.Stderr = &output, &output
	if err := peer.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		peer.Process.Kill()
		peer.Wait()
	})
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		conn, err := quic.DialAddr(ctx, addr, quicload.ClientTLS("doq"), nil)
		cancel()
		if err == nil {
			conn.CloseWithError(noError, "")
			break
		}
		if time.Now().After(end) {
			b.Fatalf("CoreDNS doesn't answer on %s: %v\n%s", addr, err, output.Bytes())
		}
	}
	before := cpuOf(b, peer.Process.Pid)
	return addr, func(b *testing.B) {
		b.ReportMetric(float64((cpuOf(b, peer.Process.Pid)-before).Nanoseconds())/float64(b.N), "cpu-ns/query")
	}
}

func freeAddr(b *testing.B) string {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().String()
}

// cpuOf is the time that all threads of a process have had, in the kernel's
// hundredths of a second.
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):]))
	var sum time.Duration
	for _, field := range fields[12:14] { // utime, stime
		ticks, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(ticks) * 10 * time.Millisecond
	}
	return sum
}
