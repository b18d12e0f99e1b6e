package client

import (
	"os"
	"strconv"
	"time"

	"yushan/bench/result"
	"yushan/bench/versus/contender"
)

func (t Tools) yushanBench(l Load, port uint16, seconds float64, file string) []string {
	args := []string{t.YushanBench, "run", "--quiet", "--server", "127.0.0.1:" + strconv.Itoa(int(port)), "--transport", string(l.Transport)}
	if l.Get {
		args = append(args, "--get")
	}
	if l.DO {
		args = append(args, "--dnssec")
	}
	if l.Transport != contender.UDP && l.Transport != contender.TCP {
		args = append(args, "--tls-group", "X25519", "--tls-name", "localhost")
	}
	if l.Handshake != "" {
		args = append(args, "--handshake", l.Handshake)
	}
	return append(args, "--clients", strconv.Itoa(l.Clients), "--depth", strconv.Itoa(l.Depth()), "--concurrency", strconv.Itoa(l.Concurrency),
		"--workers", strconv.Itoa(l.Threads), "--queries", l.Queries,
		"--duration", time.Duration(seconds*float64(time.Second)).String(), "--json", file)
}

// readResult reads the figures that yushan-bench has written.
func readResult(path string) (c Count, err error) {
	file, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer file.Close()
	r, err := result.Read(file)
	if err != nil {
		return c, err
	}
	c = Count{Sent: r.Total.Sent, Answered: r.Total.RCodes[0] + r.Total.RCodes[3], Seconds: r.Seconds}
	if r.Total.Answered > 0 {
		c.ResponseBytes = float64(r.Total.ReceivedBytes) / float64(r.Total.Answered)
	}
	if r.Connections != nil {
		c.Opened, c.Resumed = r.Connections.Opened, r.Connections.Resumed
	}
	return c, nil
}
