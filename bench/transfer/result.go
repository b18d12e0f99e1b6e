package transfer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"yushan/bench/report/units"
)

// Format is the version of the JSON that this package writes and reads.
const Format = 1

// Result is what came of [Run]. Times are nanoseconds unless a name says otherwise.
type Result struct {
	Format  int       `json:"format"`
	Version string    `json:"version,omitempty"` // of the program; Run leaves it empty
	Started time.Time `json:"started"`

	Server      string `json:"server"`
	Zone        string `json:"zone"`
	Transport   string `json:"transport"`     // "tcp" or "tls"
	Key         string `json:"key,omitempty"` // name and algorithm
	Concurrency int    `json:"concurrency"`

	Seconds     float64    `json:"seconds"` // all of it took
	Interrupted bool       `json:"interrupted,omitempty"`
	Transfers   []Transfer `json:"transfers"` // in the order of their ends
	ClientCPU   int64      `json:"clientCPU"` // of the whole process meanwhile
	// Limits are reasons why the times are the client's rather than the server's.
	Limits []string `json:"limits,omitempty"`
}

// Transfer is one of them. Connect, First and Whole count from its beginning.
type Transfer struct {
	At      int64 `json:"at"`      // its beginning, since that of all
	Connect int64 `json:"connect"` // until there was a connection, TLS included
	First   int64 `json:"first"`   // until the first message had come
	Whole   int64 `json:"whole"`   // until the last one had come, or the error
	Waited  int64 `json:"waited"`  // of Whole-Connect: for bytes of the server

	Serial    uint32 `json:"serial"`
	Records   uint64 `json:"records"` // of the zone, its SOA once
	Messages  uint64 `json:"messages"`
	Bytes     uint64 `json:"bytes"`     // of messages
	WireBytes uint64 `json:"wireBytes"` // on the connection, TLS and lengths included
	Error     string `json:"error,omitempty"`
}

// Failed is how many transfers failed.
func (r *Result) Failed() (n int) {
	for i := range r.Transfers {
		if r.Transfers[i].Error != "" {
			n++
		}
	}
	return n
}

// complete returns the transfers that didn't fail.
func (r *Result) completed() (list []*Transfer) {
	for i := range r.Transfers {
		if r.Transfers[i].Error == "" {
			list = append(list, &r.Transfers[i])
		}
	}
	return list
}

// sizeable is how large transfers are whose times say something about the client.
const sizeable = 1 << 20

// limits finds out whether the client was what took long.
func (r *Result) limits(cores int) (limits []string) {
	var bytes, busy, whole int64
	list := r.completed()
	for _, t := range list {
		bytes += int64(t.Bytes)
		busy += t.Whole - t.Connect - t.Waited
		whole += t.Whole - t.Connect
	}
	if len(list) == 0 || bytes/int64(len(list)) < sizeable {
		return nil
	}
	if share := float64(busy) / float64(whole); share > 0.5 {
		limits = append(limits, fmt.Sprintf("the client read for %s of the time instead of waiting for the server", units.Percent(share)))
	}
	if share := float64(r.ClientCPU) / 1e9 / r.Seconds / float64(cores); share > 0.9 {
		limits = append(limits, fmt.Sprintf("the client used %s of its %d cores", units.Percent(share), cores))
	}
	return limits
}

// spread is the least, the middle and the largest of something.
type spread[T cmp.Ordered] struct{ min, median, max T }

func spreadOf[T cmp.Ordered](list []*Transfer, of func(*Transfer) T) spread[T] {
	values := make([]T, len(list))
	for i, t := range list {
		values[i] = of(t)
	}
	slices.Sort(values)
	return spread[T]{values[0], values[(len(values)-1)/2], values[len(values)-1]}
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
	if err := json.NewDecoder(from).Decode(r); err != nil {
		return nil, fmt.Errorf("not the JSON of transfers: %w", err)
	}
	if r.Format != Format {
		return nil, fmt.Errorf("format %d: expected %d, the one that this program writes", r.Format, Format)
	}
	return r, nil
}
