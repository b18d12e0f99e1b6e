package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"yushan/internal/peer"
	"yushan/server"
)

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	zone := filepath.Join(dir, "tw.zone")
	put(t, zone, zoneText(1))
	for _, tt := range []struct {
		args   string
		code   int
		stdout string // contained
		stderr string // contained
	}{
		{"--help", 0, "lab ", ""},
		{"lab --help", 0, "yushan lab --port 5353", ""},
		{"serve --help", 0, "--zone 台灣=taiwan.zone", ""},
		{"check --help", 0, "exits with 1", ""},
		{"sign --help", 0, "--nsec3 --opt-out --out tw.signed", ""},
		{"version", 0, "yushan ", ""},
		{"--version", 0, "yushan ", ""},
		{"help sign", 0, "--nsec3 --opt-out --out tw.signed", ""},
		{"help", 0, "lab ", ""},
		{"", 2, "", "expected one of"},
		{"srve", 2, "", `did you mean "serve"?`},
		{"serve", 2, "", "nothing to serve: give --config, or --zone"},
		{"serve --config a --zone tw=b", 2, "", "--zone and --listen are for serving without --config"},
		{"serve --zone tw", 2, "", "expected ORIGIN=FILE"},
		{"serve --zone a..b=" + zone, 2, "", `"a..b" is not a name of a zone: empty label`},
		{"serve --zone tw=" + zone + " --listen localhost:53", 2, "", "names are not looked up"},
		{"serve --zone tw=" + zone + " --zone TW.=" + zone, 1, "", "zone tw. is there twice"},
		{"serve --zone tw=/gone", 1, "", "--zone tw=/gone: there is no file /gone"},
		{"serve --zone tw=" + zone + " --workers 1025", 2, "", "--workers 1025: expected 1 to 1024"},
		{"serve --config /gone.yaml", 1, "", "no such file"},
		{"serve --zone tw=" + zone + " --log-level loud", 2, "", `expected one of debug, info, warn, error, found "loud"`},
		{"lab --log-format xml", 2, "", `expected one of auto, console, json, found "xml"`},
		{"lab --port 0", 2, "", `expected a number from 1 to 65535, found "0"`},
		{"lab --port 65536", 2, "", `expected a number from 1 to 65535, found "65536"`},
		{"lab --listen here", 2, "", "expected an IP address"},
		{"check", 2, "", "nothing to check"},
		{"sign --zone tw=" + zone + " --out x", 2, "", "give --nsec3 or --nsec"},
		{"sign --zone tw=" + zone + " --out x --nsec", 2, "", "no key to sign with"},
		{"sign --zone tw=" + zone + " --out x --nsec --opt-out --generate-keys " + dir, 2, "", "--opt-out needs --nsec3"},
		{"completion tcsh", 2, "", "must be one of"},
	} {
		stdout, stderr, code := yushan(t, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("yushan %s: exit %d, expected %d; expected %q and %q in\n%s\nand\n%s", tt.args, code, tt.code, tt.stdout, tt.stderr, stdout, stderr)
		}
	}
}

// volatile is what differs between runs: times, and sizes that depend on the
// store's layout.
var volatile = regexp.MustCompile(`[0-9.]+(µs|ms|s| [KM]iB| B)\b`)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tw.zone":   zoneText(2026112401),
		"bad.zone":  "$TTL 300\n@ SOA a b 1 2 3 4 5\n@ NS a.dns\na.dns A 192.0.2.300\nx TXT\n",
		"warn.zone": zoneText(1) + "example.com. A 192.0.2.1\n",
		"good.yaml": "zones:\n  - {name: tw, file: tw.zone}\n  - {name: 台灣, file: tw.zone}\n",
		"none.yaml": "listen: 127.0.0.1\n",
		"bad.yaml":  "lisen: 127.0.0.1\nzones:\n  - {name: 台灣, file: tw.zone}\n  - {name: tw, file: bad.zone}\n  - {name: gone, file: gone.zone}\n",
	} {
		put(t, filepath.Join(dir, name), text)
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
	}{
		{"good-zone", []string{"--zone", "tw=DIR/tw.zone"}, 0},
		{"good-config", []string{"--config", "DIR/good.yaml"}, 0},
		{"bad-zone", []string{"--zone", "tw=DIR/bad.zone", "--zone", "台湾=DIR/tw.zone"}, 1},
		{"no-zones", []string{"--config", "DIR/none.yaml"}, 0},
		{"warnings", []string{"--zone", "tw=DIR/warn.zone"}, 0},
		{"bad-config", []string{"--config", "DIR/bad.yaml"}, 1},
		{"zone-twice", []string{"--config", "DIR/good.yaml", "--zone", "TW=DIR/tw.zone"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"check"}
			for _, a := range tt.args {
				args = append(args, strings.ReplaceAll(a, "DIR", dir))
			}
			stdout, stderr, code := yushan(t, args...)
			if code != tt.code || stderr != "" {
				t.Errorf("exit %d, expected %d; standard error %q, expected nothing", code, tt.code, stderr)
			}
			got := strings.ReplaceAll(stdout, dir, "DIR")
			golden(t, filepath.Join("testdata", "check", tt.name+".golden"), normalise(got))
		})
	}
}

// normalise hides what differs between runs, and the width that it takes.
func normalise(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if volatile.MatchString(line) || strings.HasPrefix(line, "zone ") {
			line = strings.Join(strings.Fields(volatile.ReplaceAllString(line, "…")), " ") + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		os.MkdirAll(filepath.Dir(file), 0o755)
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: expected\n%s\nhave\n%s", file, want, got)
	}
}

func TestTableAlignsChinese(t *testing.T) {
	tab := table{columns: []column{{"zone", left}, {"n", right}}}
	tab.add("台灣.", "1")
	tab.add("abcdef.", "1,000")
	var b bytes.Buffer
	tab.write(&b)
	want := "zone         n\n台灣.        1\nabcdef.  1,000\n"
	if b.String() != want {
		t.Errorf("expected\n%shave\n%s", want, b.String())
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %s, expected %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1536: "1.5 KiB", 5 << 30: "5.0 GiB", 200 << 20: "200 MiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%d) = %s, expected %s", n, got, want)
		}
	}
}

// TestLogStyle: what is no terminal gets JSON, unless it is told otherwise.
func TestLogStyle(t *testing.T) {
	var file bytes.Buffer
	for format, want := range map[string]server.LogStyle{"auto": server.JSON, "json": server.JSON, "console": server.Console} {
		if got := logStyle(&file, format); got != want {
			t.Errorf("format %s: style %d, expected %d", format, got, want)
		}
	}
}

// TestCLIReferenceIsCurrent keeps docs/cli.md what --help prints.
func TestCLIReferenceIsCurrent(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	var b strings.Builder
	b.WriteString("# Command line\n\n<!-- Written by `go test ./cmd/yushan -update` from the commands' own help. -->\n")
	if err := program().Reference(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/cli.md", b.String())
}

func TestBashCompletion(t *testing.T) {
	bash := peer.Tool(t, "bash", "bash")
	script, _, code := yushan(t, "completion", "bash")
	if code != 0 {
		t.Fatalf("exit %d", code)
	}
	for line, want := range map[string]string{
		"yushan se":                       "serve",
		"yushan serve --con":              "--config",
		"yushan completion f":             "fish",
		"yushan sign --opt":               "--opt-out",
		"yushan check --zone tw = cli_te": "cli_test.go",
	} {
		words := strings.Split(line, " ")
		quoted := "'" + strings.Join(words, "' '") + "'"
		cmd := exec.Command(bash, "--norc", "-c", fmt.Sprintf("%s\nCOMP_WORDS=(%s)\nCOMP_CWORD=%d\n_yushan\nprintf '%%s\\n' \"${COMPREPLY[@]}\" | sort | xargs", script, quoted, len(words)-1))
		out, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%q is completed by %q (%v), expected %q", line, out, err, want)
		}
	}
}
