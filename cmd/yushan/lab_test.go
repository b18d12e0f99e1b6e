package main

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"yushan/examples/lab"
	"yushan/internal/peer"
	"yushan/server/config"
)

// TestLab runs the lab, and every line that it prints to be pasted.
func TestLab(t *testing.T) {
	peer.Tool(t, "dig", "bind9-dnsutils")
	peer.Tool(t, "kdig", "knot-dnsutils")
	peer.Tool(t, "curl", "curl")
	port := freePort(t)
	p := start(t, "Ctrl-C stops it.", nil, append([]string{"lab", "--all"}, labPorts(t, port)...)...)
	text := p.text()
	if haveIPv6() && !strings.Contains(text, fmt.Sprintf("[::1]:%d", port)) {
		t.Errorf("::1 isn't served:\n%s", text)
	}
	for _, want := range []string{"tw. ", "台灣. (xn--kpry57d.)", "台湾. (xn--kprw13d.)", "NSEC3, opt-out", fmt.Sprintf("127.0.0.1:%d", port)} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in what the lab prints:\n%s", want, text)
		}
	}
	topics, proposals, _ := strings.Cut(text, "All that ")
	pasted := strings.Count(topics, "\n    dig ") + strings.Count(topics, "\n    kdig ") + strings.Count(topics, "\n    curl ")
	served := labAt(t, text)
	listed := 0
	for line := range strings.Lines(proposals) {
		if command, ok := strings.CutPrefix(line, "    dig "); ok {
			listed++
			out := paste(t, "dig "+command)
			if !strings.Contains(out, "status: NOERROR") && !strings.Contains(out, "status: NXDOMAIN") && !strings.Contains(out, "status: YXDOMAIN") {
				t.Errorf("%s\nexpected an answer, have\n%s", line, out)
			}
		}
	}
	questions := 0
	for _, z := range lab.Zones {
		questions += len(z.Questions())
	}
	if listed != questions {
		t.Errorf("%d commands for the questions of the files, expected %d", listed, questions)
	}
	for _, topic := range labTopics {
		for _, q := range topic.questions {
			line := q.command(served)
			if !strings.Contains(topics, "    "+line+"\n") {
				t.Errorf("%s isn't printed", line)
			}
			out := paste(t, "export LC_ALL=C.UTF-8; "+line) + paste(t, "export LC_ALL=C; "+line)
			for _, want := range q.want {
				if !strings.Contains(spaces(out), spaces(want)) {
					t.Errorf("%s\nexpected %q in\n%s", line, want, out)
				}
			}
			pasted--
		}
	}
	if pasted != 0 {
		t.Errorf("%d commands are printed that this test doesn't expect", pasted)
	}
	p.signal(syscall.SIGINT)
	if code := p.exitCode(); code != 0 {
		t.Errorf("exit %d after Ctrl-C, expected 0", code)
	}
}

// labPorts are the flags that put a lab on ports of its own.
func labPorts(t *testing.T, port int) []string {
	return []string{"--port", fmt.Sprint(port), "--tls-port", fmt.Sprint(freePort(t)), "--https-port", fmt.Sprint(freePort(t))}
}

// labAt is what the text of a lab says about where it is.
func labAt(t *testing.T, text string) *labServer {
	t.Helper()
	l := &labServer{cfg: config.Default()}
	for _, line := range []struct {
		pattern string
		to      *[]netip.AddrPort
	}{
		{`UDP and TCP on (\S+?),? `, &l.cfg.Listen}, {`DoT and DoQ on (\S+?),? `, &l.cfg.DoT.Listen}, {`DoH on (\S+?),? `, &l.cfg.DoH.Listen},
	} {
		found := regexp.MustCompile(line.pattern).FindStringSubmatch(spaces(text))
		if found == nil {
			t.Fatalf("no %q in\n%s", line.pattern, text)
		}
		*line.to = []netip.AddrPort{netip.MustParseAddrPort(found[1])}
	}
	found := regexp.MustCompile(`(?m)^  pin (\S+)$`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no pin in\n%s", text)
	}
	l.pin = found[1]
	return l
}

// TestLabOnAllAddresses looks for commands that can be pasted although the
// address that is listened on is none to ask.
func TestLabOnAllAddresses(t *testing.T) {
	port := freePort(t)
	p := start(t, "Ctrl-C stops it.", nil, append([]string{"lab", "--listen", "0.0.0.0"}, labPorts(t, port)...)...)
	if want := fmt.Sprintf("dig @127.0.0.1 -p %d +norec tw SOA\n", port); !strings.Contains(p.text(), want) {
		t.Errorf("expected %q in\n%s", want, p.text())
	}
	if strings.Contains(p.text(), "this machine only") {
		t.Errorf("all machines can ask it, but it says that only this one can:\n%s", p.text())
	}
	_, stderr, code := yushan(t, append([]string{"lab", "--listen", "127.0.0.1"}, labPorts(t, port)...)...)
	if code != 1 || !strings.Contains(stderr, "another server is running on this port") || !strings.Contains(stderr, "--port, --tls-port and --https-port move the lab") {
		t.Errorf("a second lab: exit %d, expected 1, and what to do in\n%s", code, stderr)
	}
}

func TestLabNamesMissingTools(t *testing.T) {
	p := start(t, "Ctrl-C stops it.", []string{"PATH=" + t.TempDir()}, append([]string{"lab"}, labPorts(t, freePort(t))...)...)
	if want := "Not found here: dig (Debian: apt install bind9-dnsutils), kdig (Debian: apt install knot-dnsutils), curl (Debian: apt install curl)\n"; !strings.Contains(p.text(), want) {
		t.Errorf("expected %q in\n%s", want, p.text())
	}
}

// paste runs a line as a shell does.
func paste(t *testing.T, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "bash", "-c", line).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// spaces makes all runs of white space one blank: tools align columns.
func spaces(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestLabWithoutIPv6 runs the lab in a network namespace without ::1.
func TestLabWithoutIPv6(t *testing.T) {
	inside := []string{"-n", "sh", "-c", `ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6 && exec "$0" "$@"`}
	if out, err := exec.Command("unshare", append(inside, "true")...).CombinedOutput(); err != nil {
		peer.Missing(t, fmt.Sprintf("no network namespace to be had: %v %s", err, out))
	}
	p := startCommand(t, "Ctrl-C stops it.", exec.Command("unshare", append(inside, executable, "lab")...))
	for _, want := range []string{"This machine has no ::1, so it goes without IPv6.", "UDP and TCP on 127.0.0.1:5300\n", "DoT and DoQ on 127.0.0.1:8853\n"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("%q is missing in\n%s", want, p.text())
		}
	}
	if code := p.stop(); code != 0 {
		t.Errorf("exit %d, expected 0", code)
	}
}
