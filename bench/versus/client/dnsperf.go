package client

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"yushan/bench/versus/contender"
)

func (t Tools) dnsperf(l Load, port uint16, seconds float64) []string {
	args := []string{t.DNSPerf, "-s", "127.0.0.1", "-p", portText(port), "-m", string(l.Transport)}
	if l.Transport == contender.DoH2 {
		method := "POST"
		if l.Get {
			method = "GET"
		}
		args = append(args, "-O", "doh-uri=https://localhost:"+portText(port)+"/dns-query", "-O", "doh-method="+method)
	}
	if l.DO {
		args = append(args, "-D")
	}
	// It takes whole seconds only.
	return append(args, "-d", l.Queries, "-c", strconv.Itoa(l.Clients), "-T", strconv.Itoa(l.Threads),
		"-q", strconv.Itoa(l.Concurrency), "-l", number(math.Ceil(seconds)))
}

func portText(port uint16) string {
	if port == 0 {
		return "PORT"
	}
	return strconv.Itoa(int(port))
}

// parseDNSPerf reads the statistics that dnsperf ends with.
func parseDNSPerf(text string) (c Count, err error) {
	found := 0
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		key, value, isPair := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		fields := strings.Fields(value)
		if !isPair || len(fields) == 0 {
			continue
		}
		switch key {
		case "Queries sent":
			c.Sent, err = strconv.ParseUint(fields[0], 10, 64)
			found++
		case "Run time (s)":
			c.Seconds, err = strconv.ParseFloat(fields[0], 64)
			found++
		case "Average packet size": // request 34, response 120
			c.ResponseBytes, err = strconv.ParseFloat(fields[len(fields)-1], 64)
			found++
		case "Response codes": // NOERROR 70 (70.00%), NXDOMAIN 30 (30.00%)
			found++
			for i := 0; i+1 < len(fields); i++ {
				if fields[i] == "NOERROR" || fields[i] == "NXDOMAIN" {
					n, bad := strconv.ParseUint(fields[i+1], 10, 64)
					c.Answered += n
					err = errors.Join(err, bad)
				}
			}
		}
		if err != nil {
			return c, fmt.Errorf("dnsperf's %q: %w", lines.Text(), err)
		}
	}
	// Without answers there are no response codes.
	if found < 3 || !(c.Seconds > 0) {
		return c, errors.New("dnsperf's statistics are not understood")
	}
	return c, nil
}
