package procstat

import (
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const page = `# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.25
process_resident_memory_bytes 2.5165824e+07
go_threads 8
other_metric{zone="tw."} 17
`

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// patient is [Open] that leaves servers of the test the time that they need.
func patient(t *testing.T, url string) *Observer {
	t.Helper()
	o, err := open(url)
	if err != nil {
		t.Fatal(err)
	}
	m := o.source.(*metrics)
	m.client.Timeout, m.limit = patience, 1000
	return o
}

func TestMetrics(t *testing.T) {
	var path string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		w.Write([]byte(page))
	})
	o := patient(t, url)
	defer o.Close()
	want := Sample{CPU: 1250 * time.Millisecond, MemoryBytes: 25165824, Threads: 8}
	if got := sample(t, o); got != want || path != "/metrics" || o.Memory() != "RSS" {
		t.Errorf("%s of %s is %+v (%s), expected %+v", path, url, got, o.Memory(), want)
	}
}

func TestMetricsFail(t *testing.T) {
	refused := httptest.NewServer(nil)
	refused.Close()
	for _, c := range []struct {
		url, want string
	}{
		{serve(t, func(w http.ResponseWriter, r *http.Request) {}), "the page has no process_cpu_seconds_total"},
		{serve(t, http.NotFound), "HTTP status 404 Not Found"},
		{serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 1001)) }), "the page is larger than 1000 bytes"},
		{serve(t, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }), "EOF"},
		{refused.URL, "connection refused"},
	} {
		o := patient(t, c.url)
		if _, err := o.Sample(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, expected %s", err, c.want)
		}
		o.Close()
	}
	secret := strings.Replace(refused.URL, "//", "//user:geheim@", 1)
	if _, err := Open(secret); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("a password is in the error, or there is none: %v", err)
	}
}

func TestParseMetrics(t *testing.T) {
	for text, want := range map[string]Sample{
		page: {1250 * time.Millisecond, 25165824, 8},
		"process_cpu_seconds_total{a=\"}\",b=\"\\\"}\"} 1 1700000000000\r\nprocess_cpu_seconds_total{a=\"2\"} 2": {CPU: 3 * time.Second},
		"process_cpu_seconds_total\t0": {},
	} {
		if got, err := parseMetrics([]byte(text)); err != nil || got != want {
			t.Errorf("%q is %+v, error %v; expected %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"process_cpu_seconds_total_x 1":              "the page has no process_cpu_seconds_total",
		"#\nprocess_cpu_seconds_total NaN":           "line 2, process_cpu_seconds_total: expected a number",
		"process_cpu_seconds_total -1":               "expected a number that isn't negative",
		"process_cpu_seconds_total +Inf":             "expected a number that isn't negative",
		"process_cpu_seconds_total 1 2 3":            "expected a value",
		"process_cpu_seconds_total {":                "its labels have no end",
		"process_cpu_seconds_total{a=\"} 1":          "its labels have no end",
		"process_cpu_seconds_total 1e300":            "no process has that",
		"process_cpu_seconds_total 1\ngo_threads 1e": "line 2, go_threads",
	} {
		if got, err := parseMetrics([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %+v, error %v; expected %s", text, got, err, want)
		}
	}
}

func FuzzParseMetrics(f *testing.F) {
	f.Add([]byte(page))
	f.Add([]byte("process_cpu_seconds_total{a=\"\\\\\"} 1e3 5"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseMetrics(text)
		if err == nil && (s.CPU < 0 || s.CPU > math.MaxInt64/2 || s.MemoryBytes > 1<<60 || s.Threads < 0) {
			t.Errorf("%q is %+v", text, s)
		}
	})
}
