package transfer

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func macOf(secret []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, secret)
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

func TestKeys(t *testing.T) {
	for text, want := range map[string]string{
		"a.example:c2VjcmV0":              "a.example. (hmac-sha256)",
		"hmac-sha512:A.Example.:c2VjcmV0": "a.example. (hmac-sha512)",
		" HMAC-SHA1:鍵.tw:c2VjcmV0\n":      "xn--5y4a.tw. (hmac-sha1)",
	} {
		k, err := ParseKey(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
			if got := fmt.Sprintf(verb, k); got != want {
				t.Errorf("%q is shown as %q by %s, expected %q", text, got, verb, want)
			}
		}
		if string(k.secret) != "secret" {
			t.Errorf("%q has the secret %q", text, k.secret)
		}
	}
	for text, want := range map[string]string{
		"":                       "expected [algorithm:]name:secret",
		"geheim":                 "expected [algorithm:]name:secret",
		"a:b:c:d":                "expected [algorithm:]name:secret",
		"a:geheim!":              "TSIG key a.: its secret is not in base64",
		"a:":                     "TSIG key a.: its secret is not in base64",
		"a..b:geheim==":          `TSIG key "a..b": its name: empty label`,
		"hmac-md5:a:geheimXY":    `TSIG key a.: algorithm "hmac-md5": expected hmac-sha1`,
		"hmac-sha256:a:geheimXY": "",
	} {
		_, err := ParseKey(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim")) {
			t.Errorf("%q gave the error %v, expected %s", text, err, want)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	for text, want := range map[string]string{
		"key \"transfer\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0\";\n};\n": "transfer. (hmac-sha256)",
		"key a.example { algorithm \"hmac-sha384\"; secret c2VjcmV0; }":              "a.example. (hmac-sha384)",
		"hmac-sha1:a:c2VjcmV0\n": "a. (hmac-sha1)",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := ReadKey(file); err != nil || k.String() != want || string(k.secret) != "secret" {
			t.Errorf("%q is %v, error %v; expected %s", text, k, err, want)
		}
	}
	if err := os.WriteFile(file, []byte("key a { secret geheim; };"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKey(file); err == nil || strings.Contains(err.Error(), "geheim") || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v", err)
	}
	if _, err := ReadKey(filepath.Join(filepath.Dir(file), "none")); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("error %v", err)
	}
}

func unwrapAll(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || os.IsNotExist(err) {
			return err
		}
		err = inner.Unwrap()
	}
}

func example() *Result {
	ms := int64(time.Millisecond)
	good := func(whole int64) Transfer {
		return Transfer{Connect: ms / 10, First: ms / 2, Whole: whole * ms, Waited: whole * ms * 9 / 10, Serial: 2026112401,
			Records: 3_001_991, Messages: 5123, Bytes: 75 << 20, WireBytes: 75<<20 + 2*5123}
	}
	return &Result{
		Format: Format, Started: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Server: "127.0.0.1:5300", Zone: "tw.",
		Transport: "tls", Key: "transfer. (hmac-sha256)", Concurrency: 2, Seconds: 2.25, ClientCPU: 500 * ms,
		Transfers: []Transfer{good(900), good(750), good(1200), {Connect: ms, Whole: 2 * ms, Error: "message 1: the server answers REFUSED"},
			{Connect: ms, Whole: 2 * ms, Error: "no answer: the server has closed the connection"},
			{Connect: ms, Whole: 2 * ms, Error: "no answer: the server has closed the connection"}},
	}
}

func TestText(t *testing.T) {
	limited := example()
	limited.Transfers = limited.Transfers[:1]
	limited.Transfers[0].Waited = limited.Transfers[0].Whole / 10
	limited.Limits = limited.limits(2)
	limited.Interrupted, limited.Key, limited.Transport = true, "", "tcp"
	updated := example()
	updated.Transfers = updated.Transfers[:3]
	updated.Transfers[1].Serial++
	updated.Transfers[2].Records++
	none := example()
	none.Transfers = none.Transfers[5:]
	var out bytes.Buffer
	for _, r := range []*Result{example(), limited, updated, none} {
		if err := r.WriteText(&out); err != nil {
			t.Fatal(err)
		}
		out.WriteString("--\n")
	}
	const golden = "testdata/text.golden"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("%s differs (UPDATE=1 writes it anew):\n%s", golden, out.String())
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	r := example()
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	back, err := Read(&out)
	if err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("%+v became %+v, error %v", r, back, err)
	}
}

func TestLimits(t *testing.T) {
	r := example()
	if got := r.limits(2); got != nil {
		t.Errorf("a client that waits for 9/10 of the time has the limits %q", got)
	}
	r.ClientCPU = int64(4400 * time.Millisecond)
	if got := r.limits(2); len(got) != 1 || got[0] != "the client used 97.8 % of its 2 cores" {
		t.Errorf("limits %q", got)
	}
}

// FuzzMessages gives one or two messages to a transfer that expects them.
func FuzzMessages(f *testing.F) {
	query := new(dns.Msg).SetAxfr("tw.")
	query.Id = 7
	add := func(signed bool, messages ...*dns.Msg) {
		var wires [2][]byte
		for i, m := range messages {
			if signed {
				m.SetTsig("key.", dns.HmacSHA256, fudge, 1_700_000_000)
			}
			wire, err := m.Pack()
			if err != nil {
				f.Fatal(err)
			}
			wires[i] = wire
		}
		f.Add(wires[0], wires[1])
	}
	add(false, answer(query, start, ns, a, start))
	add(false, answer(query, start, ns), answer(query, a, start))
	add(true, answer(query, start, ns), answer(query, a, start))
	k, err := NewKey("key", "", "c2VjcmV0")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, with := range []*Key{nil, k} {
			s := &stream{id: 7}
			if with != nil {
				if s.verifier, err = newVerifier(with, []byte("mac")); err != nil {
					t.Fatal(err)
				}
			}
			var got Transfer
			done := false
			for _, b := range [][]byte{first, second} {
				var err error
				if done, err = s.take(b, &got); err != nil || done {
					break
				}
			}
			if done && (got.Records == 0 || with != nil) {
				t.Errorf("%x, %x: a transfer of %d records, key %v", first, second, got.Records, with)
			}
		}
	})
}
