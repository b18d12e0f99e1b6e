package browser

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"yushan/internal/peer"
)

const (
	startLimit = 2 * time.Minute // reached only by a browser that hangs
	stopLimit  = 30 * time.Second
)

// Options say how a browser starts.
type Options struct {
	// Pins are keys of certificates to be trusted, as [Pin] gives them.
	Pins []string
	// Flags are command-line switches without "--": a string, or true or false;
	// they override those of this package.
	Flags map[string]any
	// SecureDNS is the URI template of a DoH resource (RFC 8484 §4.1.1), such as
	// "https://127.0.0.1:8443/dns-query{?dns}", by which all names are resolved,
	// and in no other way; its host must be an address. The browser connects to
	// what the answers say, so let that be loopback. Empty: localhost is the only
	// name that there is.
	SecureDNS string
	// HTTP3 is an address and port, as in a URL, to which the browser speaks
	// HTTP/3 from the first connection on. Empty: it speaks none at all.
	HTTP3 string
}

// Pin returns the pin of a certificate's key: the SHA-256 of its
// SubjectPublicKeyInfo in base 64.
func Pin(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Start runs Chromium until the end of the test, and returns a context for
// chromedp whose tab is ready. It trusts certificates with these keys. The test
// ends as by [peer.Missing] if Chromium isn't installed.
func Start(t testing.TB, spkiPins ...string) context.Context {
	t.Helper()
	return StartWith(t, Options{Pins: spkiPins})
}

// StartWith is Start with more options.
func StartWith(t testing.TB, opts Options) context.Context {
	t.Helper()
	program := peer.Tool(t, "chromium", "chromium")
	profile, err := os.MkdirTemp("", "yushan-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	if opts.SecureDNS != "" {
		if err := setSecureDNS(profile, opts.SecureDNS); err != nil {
			t.Fatal(err)
		}
	}
	var output tail
	ctx, cancelAllocator := chromedp.NewExecAllocator(context.Background(), allocatorOptions(program, profile, opts, &output)...)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		stop(t, ctx)
		cancelTab()
		cancelAllocator()
		remove(t, profile)
		if t.Failed() {
			t.Logf("output of %s:\n%s", program, output.String())
		}
	})
	// The browser lives as long as the context of the first Do, so the limit
	// can't be a deadline of that.
	hangs := time.AfterFunc(startLimit, cancelAllocator)
	err = chromedp.Do(ctx)
	if !hangs.Stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		t.Fatalf("start %s: %v\n%s", program, err, output.String())
	}
	return ctx
}

// setSecureDNS writes the setting that users find under "Use secure DNS" into a
// new profile.
func setSecureDNS(profile, template string) error {
	state, err := json.Marshal(map[string]any{
		"dns_over_https": map[string]any{"mode": "secure", "templates": template},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(profile, "Local State"), state, 0o600)
}

// The browser's own services are looked for in spite of all switches that turn
// them off. They are not found.
const (
	onlyLocalhost = "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.*, EXCLUDE [::1]"
	noServices    = "MAP *.google.com ~NOTFOUND, MAP *.googleapis.com ~NOTFOUND, MAP *.gstatic.com ~NOTFOUND"
)

func allocatorOptions(program, profile string, opts Options, output *tail) []chromedp.ExecAllocatorOption {
	flags := map[string]any{
		"headless":                         true,
		"hide-scrollbars":                  true,
		"disable-gpu":                      true,
		"disable-dev-shm-usage":            true, // small in containers
		"disable-quic":                     true,
		"no-first-run":                     true,
		"no-default-browser-check":         true,
		"disable-background-networking":    true,
		"disable-breakpad":                 true,
		"disable-component-update":         true,
		"disable-default-apps":             true,
		"disable-domain-reliability":       true,
		"disable-extensions":               true,
		"disable-sync":                     true,
		"metrics-recording-only":           true,
		"password-store":                   "basic",
		"force-color-profile":              "srgb",
		"no-proxy-server":                  true,
		"safebrowsing-disable-auto-update": true,
	}
	if os.Geteuid() == 0 {
		flags["no-sandbox"] = true // it refuses to run as root otherwise
	}
	if len(opts.Pins) > 0 {
		flags["ignore-certificate-errors-spki-list"] = strings.Join(opts.Pins, ",")
	}
	flags["host-resolver-rules"] = onlyLocalhost
	if opts.SecureDNS != "" {
		flags["host-resolver-rules"] = noServices
	}
	if opts.HTTP3 != "" {
		flags["disable-quic"] = false
		flags["enable-quic"] = true
		flags["origin-to-force-quic-on"] = opts.HTTP3
	}
	maps.Copy(flags, opts.Flags)
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program),
		chromedp.UserDataDir(profile),
		chromedp.CombinedOutput(output),
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		options = append(options, chromedp.Flag(name, flags[name]))
	}
	return options
}

// stop closes the browser politely, so that it ends before its profile is
// removed.
func stop(t testing.TB, ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if err := chromedp.Cancel(ctx); err != nil {
		t.Logf("stop the browser: %v", err)
	}
}

// remove deletes the profile, in which processes that outlive the browser by a
// moment may still write.
func remove(t testing.TB, profile string) {
	var err error
	for range 50 {
		if err = os.RemoveAll(profile); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("remove the browser's profile: %v", err)
}

// tail keeps the end of what a program prints. It is safe for concurrent use.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailBytes = 16 << 10

func (o *tail) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(b)
	if extra := o.buf.Len() - tailBytes; extra > 0 {
		o.buf.Next(extra)
	}
	return len(b), nil
}

func (o *tail) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(o.buf.String())
}
