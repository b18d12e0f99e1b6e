package config

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yushan/zone/dname"
)

var update = flag.Bool("update", false, "write golden files and docs/config.md anew")

// TestGolden reads every configuration below testdata/good and testdata/bad.
// The file of the same name with .golden holds what it means, or all that is
// wrong with it.
func TestGolden(t *testing.T) {
	for _, dir := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no configurations in %s: %v", dir, err)
		}
		for _, file := range files {
			t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".yaml"), func(t *testing.T) {
				cfg, err := Load(file)
				if (dir == "good") != (err == nil) {
					t.Errorf("error: %v", err)
				}
				got := ""
				if err != nil {
					got = err.Error() + "\n"
				} else {
					got = describe(cfg)
				}
				compare(t, strings.TrimSuffix(file, ".yaml")+".golden", got)
			})
		}
	}
}

func describe(c *Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "identity %q version %q\n", c.Identity, c.Version)
	fmt.Fprintf(&b, "udp %v workers %d max-bytes %d\n", c.UDPListen(), c.UDP.Workers, c.UDP.MaxBytes)
	fmt.Fprintf(&b, "tcp %v %+v\n", c.TCPListen(), c.TCP.Limits)
	describeEncrypted(&b, c)
	fmt.Fprintf(&b, "user %q group %q log %s %s\n", c.User, c.Group, c.Log.Level, c.Log.Format)
	for _, z := range c.Zones {
		fmt.Fprintf(&b, "zone %s from %s\n", dname.Display(z.Name), z.File)
	}
	return b.String()
}

func describeEncrypted(b *strings.Builder, c *Config) {
	if dot := c.DoT; dot.Listen != nil {
		fmt.Fprintf(b, "dot %v certificate %q %d handshakes/s %+v\n", dot.Listen, dot.Certificate, dot.Handshakes, dot.Limits)
	}
	if doh := c.DoH; doh.Listen != nil {
		fmt.Fprintf(b, "doh %v certificate %q path %s page %v %d handshakes/s %+v\n", doh.Listen, doh.Certificate, doh.Path, doh.LookupPage, doh.Handshakes, doh.Limits)
		fmt.Fprintf(b, "doh http3 %+v\ndoh cleartext %+v\n", doh.HTTP3, doh.Cleartext)
	}
	if doq := c.DoQ; doq.Listen != nil {
		fmt.Fprintf(b, "doq %v certificate %q %d handshakes/s %+v\n", doq.Listen, doq.Certificate, doq.Handshakes, doq.Limits)
	}
	for _, cert := range c.Certificates {
		fmt.Fprintf(b, "certificate %s: files %q %q %q self-signed %q acme %q\n",
			cert.Name, cert.CertificateFile, cert.KeyFile, cert.NextKeyFile, cert.SelfSigned, cert.ACME)
	}
	fmt.Fprintf(b, "tickets %+v\n", c.Tickets)
	if a := c.ACME; a.Storage != "" {
		fmt.Fprintf(b, "acme %s by %q for %s in %s: %q on %v, reuse %v, siblings %v\n", a.Directory, a.CAFile, a.Email, a.Storage, a.Challenges, a.HTTPListen, a.ReuseKeys, a.Siblings)
		for _, k := range a.Keys {
			fmt.Fprintf(b, "acme key %s %s %s\n", dname.Display(k.Name), k.Algorithm, k.SecretFile)
		}
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
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

func TestExampleIsGood(t *testing.T) {
	cfg, err := Load("../../examples/yushan.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Zones) == 0 || len(cfg.UDPListen()) == 0 {
		t.Errorf("the example serves nothing: %s", describe(cfg))
	}
}

func TestReferenceIsCurrent(t *testing.T) {
	var b bytes.Buffer
	if err := WriteReference(&b); err != nil {
		t.Fatal(err)
	}
	compare(t, "../../docs/config.md", b.String())
}

func TestEachKeyIsDocumented(t *testing.T) {
	var walk func(prefix string, o object)
	walk = func(prefix string, o object) {
		for _, f := range o {
			at := join(prefix, f.key)
			if !strings.HasSuffix(f.doc, ".") {
				t.Errorf("%s: its documentation %q is no sentence", at, f.doc)
			}
			switch v := f.value.(type) {
			case *mapping:
				walk(at, v.fields)
			case interface{ element() object }:
				walk(at+"[]", v.element())
			}
		}
	}
	walk("", Default().schema())
}

// What the reference says is the default must be readable as such.
func TestDefaultsAreReadable(t *testing.T) {
	var text strings.Builder
	var walk func(indent string, o object)
	walk = func(indent string, o object) {
		for _, f := range o {
			if m, ok := f.value.(*mapping); ok {
				fmt.Fprintf(&text, "%s%s:\n", indent, f.key)
				walk(indent+"  ", m.fields)
			} else if shown := f.value.shown(); shown != "" {
				fmt.Fprintf(&text, "%s%s: %s\n", indent, f.key, shown)
			}
		}
	}
	walk("", Default().schema())
	cfg, problems := Parse("", []byte(text.String()))
	if len(problems) > 0 {
		t.Fatalf("%v in\n%s", problems, text.String())
	}
	if got, want := describe(cfg), describe(Default()); got != want {
		t.Errorf("expected\n%s\nhave\n%s", want, got)
	}
}

func TestLoadWithoutAFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "gone.yaml"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, expected %v", err, fs.ErrNotExist)
	}
}

func TestSplitZone(t *testing.T) {
	for text, want := range map[string]string{
		"tw=tw.zone":      "tw. tw.zone",
		"TW.=a=b":         "tw. a=b",
		".=root.zone":     ". root.zone",
		"台灣=f":            "台灣. (xn--kpry57d.) f",
		"xn--kprw13d.=f":  "台湾. (xn--kprw13d.) f",
		"tw":              `expected ORIGIN=FILE, such as "tw=tw.zone", found "tw"`,
		"tw=":             `expected ORIGIN=FILE, such as "tw=tw.zone", found "tw="`,
		"=tw.zone":        `"" is not a name of a zone: empty label`,
		"a..b=tw.zone":    `"a..b" is not a name of a zone: empty label`,
		"\xff=tw.zone":    `"\xff" is not a name of a zone: not a valid U-label: "\xff"`,
		"example.tw=./-z": "example.tw. ./-z",
	} {
		name, file, err := SplitZone(text)
		got := fmt.Sprint(err)
		if err == nil {
			got = dname.Display(name) + " " + file
		}
		if got != want {
			t.Errorf("SplitZone(%q): %s; expected %s", text, got, want)
		}
	}
}

func TestZonesOfTheCommandLine(t *testing.T) {
	c := Default()
	for _, z := range []string{"tw=testdata/zones/tw.zone", "台灣=gone", "xn--kpry57d=testdata/zones/tw.zone"} {
		if err := c.AddZone(z); err != nil {
			t.Fatal(err)
		}
	}
	want := "--zone 台灣=gone: there is no file gone\n" +
		"--zone xn--kpry57d=testdata/zones/tw.zone: zone 台灣. (xn--kpry57d.) is there twice, first by --zone 台灣=gone"
	if got := c.Check().Error(); got != want {
		t.Errorf("expected\n%s\nhave\n%s", want, got)
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", 90 * time.Second: "1m30s", time.Minute: "1m", 10 * time.Second: "10s", 100 * time.Millisecond: "100ms", 90 * time.Minute: "1h30m",
	} {
		if got := short(d); got != want {
			t.Errorf("short(%v) = %s, expected %s", d, got, want)
		}
	}
}

func FuzzConfig(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*.yaml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, problems := Parse("fuzz.yaml", text)
		if c == nil && len(problems) == 0 {
			t.Fatal("neither a configuration nor a problem")
		}
		for _, p := range problems {
			if p.Message == "" || p.File != "fuzz.yaml" {
				t.Fatalf("a problem that says nothing: %+v", p)
			}
		}
		if len(problems) > 0 {
			return
		}
		for _, z := range c.Zones {
			if n, ok := dname.Check(z.Name); !ok || n != len(z.Name) || z.File == "" {
				t.Fatalf("accepted the zone %q in file %q", z.Name, z.File)
			}
		}
		if c.UDP.MaxBytes < 512 || c.UDP.MaxBytes > 65535 || c.TCP.Limits.IdleTimeout <= 0 || c.TCP.Limits.MaxConns < 1 {
			t.Fatalf("accepted %+v", c)
		}
	})
}
