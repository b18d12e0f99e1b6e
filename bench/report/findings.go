package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"yushan/bench/report/plain"
	"yushan/bench/report/units"
	"yushan/bench/result"
)

// severity is how loud a finding is.
type severity uint8

const (
	note    severity = iota // worth knowing
	warning                 // the figures don't mean what they seem to
	failure                 // the server did wrong
)

func (s severity) String() string { return [...]string{"note", "warning", "failure"}[s] }

// finding is what must be read before the figures.
type finding struct {
	Severity severity
	Title    string
	Lines    []string
}

// findings returns them, the loudest first.
func findings(r *result.Result) (all []finding) {
	add := func(s severity, title string, lines ...string) {
		all = append(all, finding{s, title, lines})
	}
	if v := r.Verified; v != nil && v.Wrong > 0 {
		add(failure, fmt.Sprintf("%s of %s verified answers are wrong", units.Count(v.Wrong), units.Count(v.Answers)))
	}
	switch {
	case r.Total.Due == 0:
		add(failure, "No query was sent")
	case r.Total.Answered == 0:
		add(failure, "No query was answered", fmt.Sprintf("%s were sent.", units.Count(r.Total.Sent)))
	}
	if from, to, found := silence(r); found {
		title, loudness := fmt.Sprintf("No answers from %s to %s", units.Span(from), units.Span(to)), warning
		if to >= r.Seconds {
			title, loudness = fmt.Sprintf("No answers from %s on, to the end", units.Span(from)), failure
		}
		add(loudness, title, "None of the queries that were due then was answered.")
	}
	if s := r.Server; s != nil && s.Error != "" {
		add(warning, "The server could not be observed to the end", s.Error)
	}
	if len(r.Client.Limits) > 0 {
		add(warning, "These figures are the load generator’s, not the server’s", r.Client.Limits...)
	}
	if s := r.Search; s != nil {
		switch {
		case s.Rate == 0:
			add(failure, "No rate that was tried kept "+strings.Join(s.Keep, ", "))
		case s.ClientLimited:
			add(warning, fmt.Sprintf("The server’s highest rate was not found: it is %s/s or more", units.Rate(s.Rate)),
				"The load generator met its own limit there.")
		case s.AtLeast() && !r.Interrupted:
			add(note, fmt.Sprintf("No rate above %s/s was tried", units.Rate(s.Rate)), "The server’s highest may be higher.")
		}
	}
	if from, to, worst := slow(r); worst > 0 && len(r.Client.Limits) == 0 {
		add(warning, fmt.Sprintf("Answers were slow from %s to %s", units.Span(from), units.Span(to)),
			fmt.Sprintf("The median there was up to %s, of the whole run %s.", units.Duration(worst), units.Duration(r.Total.Latency.Quantile(0.5))))
	}
	if r.Interrupted {
		add(note, "Interrupted after "+units.Span(r.Seconds), "This is of what ran.")
	}
	slices.SortStableFunc(all, func(a, b finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return all
}

// Title says what was run.
func Title(r *result.Result) string {
	if r.Title != "" {
		return r.Title
	}
	server, transport := setting(r, "server"), setting(r, "transport")
	switch {
	case server != "" && transport != "":
		return transportNames.name(transport) + " to " + server
	case server != "":
		return server
	}
	return "Run of " + r.Started.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

func setting(r *result.Result, name string) string {
	for _, s := range r.Settings {
		if strings.EqualFold(s.Name, name) {
			return s.Value
		}
	}
	return ""
}

type names map[string]string

func (n names) name(of string) string {
	if name, known := n[strings.ToLower(of)]; known {
		return name
	}
	return of
}

var transportNames = names{
	"udp": "UDP", "tcp": "TCP", "dot": "DNS over TLS", "doh": "DNS over HTTP/2", "doh1": "DNS over HTTP/1.1",
	"doh3": "DNS over HTTP/3", "doq": "DNS over QUIC",
}

// rcodes are the names of RFC 6895 §2.3 for the four bits in the header, which is all
// that is counted: an extended RCODE shares them with another (RFC 6891 §6.1.3).
var rcodes = [16]string{
	"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET or BADCOOKIE",
	"NXRRSET", "NOTAUTH", "NOTZONE", "DSOTYPENI", "RCODE 12", "RCODE 13", "RCODE 14", "RCODE 15",
}

// oddities names those that there are.
func oddities(o *result.Oddities) (list []namedCount) {
	for _, c := range []namedCount{
		{"malformed", o.Malformed}, {"of another question", o.Mismatched}, {"with an ID that was not asked", o.Unexpected},
		{"duplicate", o.Duplicate}, {"too late", o.Late}, {"HTTP errors", o.Status},
	} {
		if c.Count > 0 {
			list = append(list, c)
		}
	}
	return list
}

type namedCount struct {
	Name  string
	Count uint64
}

// waited tells whether queries waited so much for their turn that counting from when
// they went out shows another picture.
func waited(r *result.Result) bool {
	for _, share := range []float64{0.5, 0.99, 0.999} {
		latency, service := r.Total.Latency.Quantile(share), r.Client.Service.Quantile(share)
		if service > 0 && float64(latency) > 1.25*float64(service) {
			return true
		}
	}
	return false
}

// fewestSilent is how many intervals in a row must be without answers to be told.
const fewestSilent = 3

// silence returns where the run's longest part is whose queries got no answers, in seconds
// since its start, if it had answers at all.
func silence(r *result.Result) (from, to float64, found bool) {
	if r.Total.Answered == 0 {
		return 0, 0, false
	}
	first, longest := 0, fewestSilent-1
	for i := range r.Intervals {
		interval := &r.Intervals[i]
		if interval.Due == 0 || interval.Answered > 0 {
			first = i + 1
		} else if length := i + 1 - first; length > longest {
			longest, found = length, true
			from, to = r.Intervals[first].At, interval.At+interval.Seconds
		}
	}
	return from, to, found
}

// slowFactor is how much longer than that of the whole run the median of an interval
// must be to be called slow.
const slowFactor = 10

// slow returns where the run's first slow intervals are, in seconds since its start,
// and the longest median there; 0 if there are none.
func slow(r *result.Result) (from, to float64, worst time.Duration) {
	limit := slowFactor * r.Total.Latency.Quantile(0.5)
	for i := range r.Intervals {
		interval := &r.Intervals[i]
		median := interval.Latency.Quantile(0.5)
		switch {
		case median > limit && limit > 0:
			if worst == 0 {
				from = interval.At
			}
			to = interval.At + interval.Seconds
			worst = max(worst, median)
		case worst > 0:
			return from, to, worst
		}
	}
	return from, to, worst
}

// coresBusy is how many processors so much CPU time keeps busy, in words.
func coresBusy(cpu int64, seconds float64) string {
	n := cores(cpu, seconds)
	switch {
	case n == 0:
		return "0 cores"
	case n < 0.01:
		return "<0.01 cores"
	case n < 9.995:
		return strconv.FormatFloat(n, 'f', 2, 64) + " cores"
	}
	return units.Digits(n) + " cores"
}

// memory is how much a server had, and how that was counted.
func memory(s *result.Server) string {
	text := units.Bytes(s.MemoryBytes) + " of memory"
	if s.Memory != "" {
		text += " (" + plain.Clean(s.Memory) + ")"
	}
	return text
}

// cores is how many processors so much CPU time keeps busy.
func cores(cpu int64, seconds float64) float64 {
	if !(seconds > 0) {
		return 0
	}
	return float64(cpu) / 1e9 / seconds
}

// perAnswer is a time in ns for each answer, 0 without any.
func perAnswer(cpu int64, answers uint64) int64 {
	if answers == 0 {
		return 0
	}
	return int64(uint64(max(cpu, 0)) / answers)
}
