package procstat

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	scrapeLimit = 5 * time.Second
	pageLimit   = 32 << 20 // bytes
)

// What the client libraries of Prometheus call a process's figures.
const (
	cpuMetric     = "process_cpu_seconds_total"
	memoryMetric  = "process_resident_memory_bytes"
	threadsMetric = "go_threads"
)

// metrics is a page of them.
type metrics struct {
	url, redacted string
	client        http.Client
	limit         int64 // bytes of the page
}

func newMetrics(target string) (*metrics, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("observe: %w", err)
	}
	if u.Host == "" {
		return nil, fmt.Errorf("observe %q: the URL has no host", u.Redacted())
	}
	if u.Path == "" {
		u.Path = "/metrics"
	}
	return &metrics{
		url: u.String(), redacted: u.Redacted(),
		client: http.Client{Timeout: scrapeLimit, Transport: new(http.Transport)},
		limit:  pageLimit,
	}, nil
}

func (m *metrics) memory() string { return "RSS" }
func (m *metrics) close()         { m.client.CloseIdleConnections() }

func (m *metrics) sample() (Sample, error) {
	request, err := http.NewRequest(http.MethodGet, m.url, nil)
	if err != nil {
		return Sample{}, err
	}
	request.Header.Set("Accept", "text/plain;version=0.0.4")
	response, err := m.client.Do(request)
	if err != nil {
		if wrapped, ok := err.(*url.Error); ok {
			err = wrapped.Err // the URL is said already
		}
		return Sample{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return Sample{}, fmt.Errorf("HTTP status %s", response.Status)
	}
	page, err := io.ReadAll(io.LimitReader(response.Body, m.limit+1))
	if err != nil {
		return Sample{}, err
	}
	if int64(len(page)) > m.limit {
		return Sample{}, fmt.Errorf("the page is larger than %d bytes", m.limit)
	}
	return parseMetrics(page)
}

// parseMetrics takes the figures of a process out of Prometheus' text format. Where a
// metric has several series, one for each process, they are summed up.
func parseMetrics(page []byte) (Sample, error) {
	of := map[string]float64{}
	lines := bufio.NewScanner(bytes.NewReader(page))
	lines.Buffer(nil, pageLimit+1)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		end := bytes.IndexAny(line, "{ \t")
		if end < 0 {
			continue
		}
		name := string(line[:end])
		if name != cpuMetric && name != memoryMetric && name != threadsMetric {
			continue
		}
		value, err := seriesValue(line[end:])
		if err != nil {
			return Sample{}, fmt.Errorf("line %d, %s: %w", n, name, err)
		}
		of[name] += value
	}
	if err := lines.Err(); err != nil {
		return Sample{}, err
	}
	cpu, ok := of[cpuMetric]
	if !ok {
		return Sample{}, fmt.Errorf("the page has no %s", cpuMetric)
	}
	const century = 100 * 365 * 24 * 3600
	if cpu > century || of[memoryMetric] >= 1<<60 || of[threadsMetric] >= 1<<31 {
		return Sample{}, fmt.Errorf("CPU time %g s, memory %g bytes, %g threads: no process has that", cpu, of[memoryMetric], of[threadsMetric])
	}
	return Sample{
		CPU:         time.Duration(cpu * float64(time.Second)),
		MemoryBytes: uint64(of[memoryMetric]),
		Threads:     int(of[threadsMetric]),
	}, nil
}

// seriesValue reads what comes behind a metric's name: labels, the value, and a timestamp.
func seriesValue(rest []byte) (float64, error) {
	rest = bytes.TrimLeft(rest, " \t")
	if bytes.HasPrefix(rest, []byte("{")) {
		end := labelsEnd(rest)
		if end < 0 {
			return 0, fmt.Errorf("its labels have no end")
		}
		rest = rest[end:]
	}
	fields := bytes.Fields(rest)
	if len(fields) < 1 || len(fields) > 2 {
		return 0, fmt.Errorf("expected a value, got %q", rest)
	}
	value, err := strconv.ParseFloat(string(fields[0]), 64)
	if err != nil || value < 0 || math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, fmt.Errorf("expected a number that isn't negative, got %q", fields[0])
	}
	return value, nil
}

// labelsEnd returns the index behind the labels that b begins with, -1 without an end. Values
// are quoted; a brace in one doesn't count.
func labelsEnd(b []byte) int {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch {
		case quoted && b[i] == '\\':
			i++
		case b[i] == '"':
			quoted = !quoted
		case b[i] == '}' && !quoted:
			return i + 1
		}
	}
	return -1
}
