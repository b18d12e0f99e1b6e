package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"yushan/bench/versus/contender"
)

// Load is how queries are sent.
type Load struct {
	Transport contender.Transport
	Get       bool   // DoH by GET
	DO        bool   // set the DO bit
	Handshake string // "full" or "resumed": a connection for each query; "": connections stay
	Clients   int    // sockets or connections
	Concurrency,
	Threads int
	Queries string // path of a file in dnsperf's format
	// Bench has yushan-bench send it, where dnsperf could: that writes queries of a
	// connection that are due together at once, and sends more of them on UDP.
	Bench bool
}

// Depth is how many queries are under way on a connection.
func (l Load) Depth() int { return max(1, l.Concurrency/l.Clients) }

// Tools are the programs.
type Tools struct {
	DNSPerf     string // "": yushan-bench sends all
	YushanBench string
	Processors  string // as taskset has them; "": all
	Dir         string // for what they write
}

// Count is what came of it.
type Count struct {
	Sent     uint64
	Answered uint64 // with NOERROR or NXDOMAIN
	Opened   uint64 // connections; 0 where it isn't told
	Resumed  uint64 // of them
	Seconds  float64
	// ResponseBytes is the mean of the responses.
	ResponseBytes float64
	CPU           time.Duration // of the client itself
}

// ByDNSPerf tells whether dnsperf sends this load: it knows no QUIC, keeps its connections,
// and is asked for by Tools.
func (t Tools) ByDNSPerf(l Load) bool {
	if t.DNSPerf == "" || l.Handshake != "" || l.Bench {
		return false
	}
	switch l.Transport {
	case contender.UDP, contender.TCP, contender.DoT, contender.DoH2:
		return true
	}
	return false
}

// command is the program with its arguments. Figures of yushan-bench go to the file.
func (t Tools) command(l Load, port uint16, seconds float64, file string) []string {
	var args []string
	if t.Processors != "" {
		args = append(args, "taskset", "-c", t.Processors)
	}
	if t.ByDNSPerf(l) {
		return append(args, t.dnsperf(l, port, seconds)...)
	}
	return append(args, t.yushanBench(l, port, seconds, file)...)
}

// Describe is the command as a reader would repeat it.
func (t Tools) Describe(l Load, seconds float64) string {
	t.DNSPerf, t.YushanBench = bare(t.DNSPerf), bare(t.YushanBench)
	return strings.Replace(strings.Join(t.command(l, 0, seconds, "FILE"), " "), "127.0.0.1:0", "127.0.0.1:PORT", 1)
}

// Send asks the server that listens on a port of this machine, for so many seconds.
func (t Tools) Send(ctx context.Context, l Load, port uint16, seconds float64) (Count, error) {
	file, err := os.CreateTemp(t.Dir, "load-*.json")
	if err != nil {
		return Count{}, err
	}
	file.Close()
	defer os.Remove(file.Name())
	args := t.command(l, port, seconds, file.Name())
	// A client that hangs must end: it has time for the queries that are lost at the end.
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds*float64(time.Second))+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if err == nil {
		var c Count
		if t.ByDNSPerf(l) {
			c, err = parseDNSPerf(out.String())
		} else {
			c, err = readResult(file.Name())
		}
		if err == nil && c.Answered == 0 {
			err = errors.New("no query was answered with NOERROR or NXDOMAIN")
		}
		c.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if err == nil {
			return c, nil
		}
	}
	return Count{}, fmt.Errorf("%s: %w\n%s%s", t.Describe(l, seconds), err, tail(errs.String()), tail(out.String()))
}

// bare is a program without its directory.
func bare(program string) string {
	if program == "" {
		return ""
	}
	return filepath.Base(program)
}

func tail(text string) string {
	const most = 2 << 10
	return text[max(0, len(text)-most):]
}

func number(seconds float64) string { return strconv.FormatFloat(seconds, 'f', -1, 64) }
