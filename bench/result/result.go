package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Format is the version of the JSON that this package writes and reads.
const Format = 1

// Result is one run.
type Result struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of the program
	Title   string    `json:"title,omitempty"`
	Started time.Time `json:"started"`
	// Seconds is how long queries were sent.
	Seconds     float64   `json:"seconds"`
	Interrupted bool      `json:"interrupted,omitempty"` // by the user, before the plan's end
	Settings    []Setting `json:"settings"`
	Machine     Machine   `json:"machine"`

	Total Stats `json:"total"`
	// Classes are the kinds of queries: of a mix ("referral", "nxdomain"), or the
	// QTYPEs of a file of queries.
	Classes []Class `json:"classes"`
	// Intervals follow each other without gaps. A query belongs to the interval of
	// its intended send time.
	Intervals []Interval `json:"intervals"`

	Client      Client       `json:"client"`
	Connections *Connections `json:"connections,omitempty"` // none on UDP
	Server      *Server      `json:"server,omitempty"`      // where it was observed
	Verified    *Verified    `json:"verified,omitempty"`    // where answers were verified
	Search      *Search      `json:"search,omitempty"`      // where a rate was searched for
	Faults      []Fault      `json:"faults,omitempty"`
}

// Setting is an option of the run, in words for people.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Machine is where the load generator ran.
type Machine struct {
	System    string `json:"system"` // operating system and kernel
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
}

// Counts are of queries and what came of them. Each query that was due is at last in
// exactly one of Answered, Lost and Unsent.
type Counts struct {
	Due      uint64 `json:"due"`      // intended
	Sent     uint64 `json:"sent"`     // of them
	Answered uint64 `json:"answered"` // in time, with a message that fits the query
	Lost     uint64 `json:"lost"`     // sent, and not answered in time
	Unsent   uint64 `json:"unsent"`   // not sent in time: no connection, or no place on one
	// Truncated are answers with TC set.
	Truncated     uint64   `json:"truncated"`
	RCodes        RCodes   `json:"rcodes"`
	SentBytes     uint64   `json:"sentBytes"` // of DNS messages
	ReceivedBytes uint64   `json:"receivedBytes"`
	Odd           Oddities `json:"odd"`
}

// Oddities count messages that aren't the answer of a query.
type Oddities struct {
	Malformed  uint64 `json:"malformed"`  // shorter than its header says, or no response
	Mismatched uint64 `json:"mismatched"` // its question is another one
	Unexpected uint64 `json:"unexpected"` // no query has its ID
	Duplicate  uint64 `json:"duplicate"`  // its query has been answered
	Late       uint64 `json:"late"`       // its query had been given up
	Status     uint64 `json:"status"`     // an HTTP status other than 200
}

// Sum returns how many there are.
func (o Oddities) Sum() uint64 {
	return o.Malformed + o.Mismatched + o.Unexpected + o.Duplicate + o.Late + o.Status
}

// RCodes counts answers by the RCODE of their header.
type RCodes [16]uint64

// Stats are counts and latencies.
type Stats struct {
	Counts
	// Latency counts from a query's intended send time to its answer, so that a
	// query that had to wait for its turn has waited (no coordinated omission).
	// Lost and unsent queries are not in it.
	Latency *Histogram `json:"latency"`
}

// Class is a kind of query.
type Class struct {
	Name string `json:"name"`
	Stats
}

// Interval is a part of the run.
type Interval struct {
	At      float64 `json:"at"` // seconds since the start of the run
	Seconds float64 `json:"seconds"`
	Stats
	// ServerCPU is the server's CPU time in the interval, by the clock and not by
	// intended times; 0 where it wasn't observed.
	ServerCPU int64 `json:"serverCPU,omitempty"`
}

// Client is how the load generator itself did.
type Client struct {
	Workers int `json:"workers"`
	// Service counts from when a query really went out: what tools without a
	// schedule report.
	Service *Histogram `json:"service"`
	// Lag is how late queries were taken up for reasons of the client's own.
	Lag         *Histogram `json:"lag"`
	CPU         int64      `json:"cpu"`         // time on processors, of the whole process
	SocketDrops uint64     `json:"socketDrops"` // answers that came faster than they were read
	// Limits are the reasons why the figures are the client's rather than the
	// server's; none: they are the server's.
	Limits []string `json:"limits,omitempty"`
}

// Connections are those of TCP, TLS or QUIC.
type Connections struct {
	Opened  uint64 `json:"opened"`
	Resumed uint64 `json:"resumed"` // of them, by a session ticket
	Early   uint64 `json:"early"`   // of them, with a query in 0-RTT that was accepted
	Failed  uint64 `json:"failed"`  // attempts to open one
	Broken  uint64 `json:"broken"`  // by the server, while queries were under way
	// Handshake is from the start of connecting to when queries could be sent.
	Handshake *Histogram `json:"handshake"`
}

// Server is the server under test, as its machine or its metrics show it.
type Server struct {
	Source string `json:"source"` // process ID or URL
	// CPU is its time on processors during the run, MemoryBytes the largest of its
	// proportional set sizes (of a URL: its resident memory).
	CPU         int64  `json:"cpu"`
	MemoryBytes uint64 `json:"memoryBytes"`
	Memory      string `json:"memory,omitempty"` // what that counts: "PSS" or "RSS"
	Threads     int    `json:"threads,omitempty"`
	Error       string `json:"error,omitempty"` // why observing it ended
}

// CPUPerAnswer is the server's CPU time for each answer, 0 where unknown.
func (r *Result) CPUPerAnswer() time.Duration {
	if r.Server == nil || r.Total.Answered == 0 {
		return 0
	}
	return time.Duration(uint64(r.Server.CPU) / r.Total.Answered)
}

// Verified are answers that were held against the zone.
type Verified struct {
	Answers uint64 `json:"answers"`
	Wrong   uint64 `json:"wrong"`
	// Skipped are answers that could not be judged, beside Answers: the query was no
	// plain question.
	Skipped uint64 `json:"skipped,omitempty"`
	// Reasons are the rules that were broken, the most frequent first.
	Reasons []Reason `json:"reasons,omitempty"`
	Seconds float64  `json:"seconds"` // the CPU time that it took
}

// Reason is a rule that answers have broken.
type Reason struct {
	Rule     string   `json:"rule"` // "glue", "rcode"; see package verify
	Count    uint64   `json:"count"`
	Examples []string `json:"examples"` // a few, in words with question and answer
}

// Search is how the highest rate was found that keeps the thresholds.
type Search struct {
	Keep []string `json:"keep"` // the thresholds
	// Rate is the highest offered rate that kept them, in queries per second; 0:
	// none did.
	Rate float64 `json:"rate"`
	// ClientLimited: it is where the client's own limit was met. The server's is not
	// known to be lower.
	ClientLimited bool   `json:"clientLimited,omitempty"`
	Steps         []Step `json:"steps"`
}

// AtLeast tells whether the server's highest rate may be a higher one than Rate: the client
// was the limit, or no trial above failed, as where the search was not to go higher.
func (s *Search) AtLeast() bool {
	return s.ClientLimited || !slices.ContainsFunc(s.Steps, func(step Step) bool { return step.Rate > s.Rate && !step.Kept })
}

// Step is a trial at one rate.
type Step struct {
	Rate     float64  `json:"rate"`     // offered, queries per second
	Answered float64  `json:"answered"` // per second
	Loss     float64  `json:"loss"`     // share of the queries that were due
	P50      int64    `json:"p50"`
	P99      int64    `json:"p99"`
	P999     int64    `json:"p999"`
	Kept     bool     `json:"kept"`             // the thresholds, and it was really offered
	Whole    bool     `json:"whole,omitempty"`  // at the end, for the run's whole duration
	Broken   []string `json:"broken,omitempty"` // thresholds, with the figure that broke them
	Limits   []string `json:"limits,omitempty"` // of the client
}

// Fault is something that went wrong, and how often.
type Fault struct {
	Text  string `json:"text"`
	Count uint64 `json:"count"`
}

// Rate returns answers per second.
func (r *Result) Rate() float64 {
	if r.Seconds == 0 {
		return 0
	}
	return float64(r.Total.Answered) / r.Seconds
}

// Loss is the share of the queries that were due and got no answer; 0 to 1.
func (c *Counts) Loss() float64 {
	if c.Due == 0 {
		return 0
	}
	return float64(c.Lost+c.Unsent) / float64(c.Due)
}

// Write writes r as JSON.
func (r *Result) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(r)
}

// Read reads what Write has written.
func Read(from io.Reader) (*Result, error) {
	r := new(Result)
	decoder := json.NewDecoder(from)
	if err := decoder.Decode(r); err != nil {
		return nil, fmt.Errorf("not the JSON of a run: %w", err)
	}
	if r.Format != Format {
		return nil, fmt.Errorf("format %d: expected %d, the one that this program writes", r.Format, Format)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("not the JSON of a run: something follows it")
	}
	if err := r.validate(); err != nil {
		return nil, err
	}
	r.complete()
	return r, nil
}

// longestRun in seconds, and what validate takes for times since its start.
const longestRun = 1e9

// validate refuses times that no run has, which would spoil plots and rates.
func (r *Result) validate() error {
	bad := func(seconds float64) bool { return seconds < 0 || seconds > longestRun }
	if bad(r.Seconds) {
		return fmt.Errorf("a run of %g seconds: expected 0 to %g", r.Seconds, float64(longestRun))
	}
	end := 0.0
	for i := range r.Intervals {
		interval := &r.Intervals[i]
		if bad(interval.Seconds) || bad(interval.At) || interval.At < end-1e-3 {
			return fmt.Errorf("interval %d: %g seconds at %g: expected it after the one before", i, interval.Seconds, interval.At)
		}
		end = interval.At + interval.Seconds
	}
	if s := r.Search; s != nil {
		for i, step := range s.Steps {
			if !(step.Rate > 0 && step.Rate <= maxRate) || step.Answered < 0 || step.Answered > maxRate || step.Loss < 0 || step.Loss > 1 {
				return fmt.Errorf("step %d of the search: %g queries/s, %g answers/s, loss %g: expected rates up to %g and a loss of 0 to 1",
					i, step.Rate, step.Answered, step.Loss, float64(maxRate))
			}
		}
	}
	return nil
}

// maxRate is more queries per second than any client sends.
const maxRate = 1e12
