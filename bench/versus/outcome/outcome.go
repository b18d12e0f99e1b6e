package outcome

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Format is the version of the JSON that this package writes and reads.
const Format = 1

// Yushan is the ID of the server that the others are held against.
const Yushan = "yushan"

// Outcome is one comparison.
type Outcome struct {
	Format   int       `json:"format"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	Command  string    `json:"command"`            // that began it
	Revision string    `json:"revision,omitempty"` // of yushan's source
	Machine  Machine   `json:"machine"`
	Settings Settings  `json:"settings"`
	// Builds are digests of all programs that took part, since figures of different ones
	// don't go together; by ID of the server, or name of the program.
	Builds  map[string]string `json:"builds,omitempty"`
	Servers []Server          `json:"servers"`
	Zones   []Zone            `json:"zones"`
	Rows    []Row             `json:"rows"`
	// Notes are what a reader has to know beside the figures: what was left out, and why.
	Notes []string `json:"notes,omitempty"`
}

// Machine is where all of it ran.
type Machine struct {
	ID          string `json:"id,omitempty"` // tells machines apart, and nothing else of them
	System      string `json:"system"`       // operating system and kernel
	Processor   string `json:"processor"`
	Cores       int    `json:"cores"` // that may be used
	MemoryBytes uint64 `json:"memoryBytes"`
	Toolchain   string `json:"toolchain"` // what yushan was built with
	Client      string `json:"client"`    // version of dnsperf
}

// Settings are what the user chose, or the defaults.
type Settings struct {
	Rounds      int     `json:"rounds"`
	Seconds     float64 `json:"seconds"`     // of each measurement of queries
	Delegations int     `json:"delegations"` // of the zone for queries
	Large       int     `json:"large"`       // of that for load and memory
	Huge        int     `json:"huge"`        // of the largest
	Client      string  `json:"client"`      // "dnsperf" or "yushan-bench"
	ServerCPUs  string  `json:"serverCPUs"`  // of one worker, as taskset has them; "": not pinned
	ClientCPUs  string  `json:"clientCPUs"`
	// Only, Peers and HugePeers are what was to be measured: rows, and servers beside
	// yushan; nil: all.
	Only      []string `json:"only,omitempty"`
	Peers     []string `json:"peers,omitempty"`
	HugePeers bool     `json:"hugePeers,omitempty"`
}

// Server is one that took part.
type Server struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version string `json:"version"`
	// Floor is no name server: it sends back what it gets, which is the least that a
	// server on this transport can do.
	Floor bool `json:"floor,omitempty"`
	// Configured says what it was made to do, and what not.
	Configured string `json:"configured"`
	// Remark is what a reader has to know of how it was built.
	Remark string `json:"remark,omitempty"`
	Uses   []Use  `json:"uses"`
}

// Use is how a server was started for some of the rows.
type Use struct {
	For     string `json:"for"`
	Command string `json:"command"`
	Files   []File `json:"files,omitempty"`
}

// File is a configuration.
type File struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Zone is one that was served, and how it was made.
type Zone struct {
	Name    string `json:"name"`
	Command string `json:"command"`
	Bytes   int64  `json:"bytes"`
}

// Row is one thing that was measured of several servers.
type Row struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Group string `json:"group"`
	Unit  string `json:"unit"`
	// More tells whether more is better; else less is.
	More    bool     `json:"more,omitempty"`
	How     string   `json:"how"`               // it was measured, in whole sentences
	Clients []string `json:"clients,omitempty"` // commands that sent the queries
	Targets []Target `json:"targets,omitempty"`
	Entries []Entry  `json:"entries"`
	Missing string   `json:"missing,omitempty"` // why there are no figures of yushan
}

// Entry is what was measured of one server.
type Entry struct {
	Server  string   `json:"server"`
	Note    string   `json:"note,omitempty"`
	Samples []Sample `json:"samples"`
	// Failed says why there is no figure of a round.
	Failed map[int]string `json:"failed,omitempty"`
}

// Sample is the figure of one round.
type Sample struct {
	Round int     `json:"round"`
	Value float64 `json:"value"`
	// More figures by name, of which [Extras] knows the units.
	Extra map[string]float64 `json:"extra,omitempty"`
	// Others is the share of the machine's processors that had neither server nor
	// client to run, and no rest either: other programs, or other machines of its host.
	Others float64 `json:"others"`
}

// Names of what samples have beside their value.
const (
	Rate     = "rate"     // answers a second
	Lost     = "lost"     // share of the queries
	Response = "response" // mean bytes of a response
	Resumed  = "resumed"  // share of the connections
	Memory   = "memory"   // bytes
	Peak     = "peak"     // bytes
	After    = "after"    // bytes
	Seconds  = "seconds"  // by the clock
	CPU      = "cpu"      // seconds on processors
	One      = "one"      // CPU µs a query with one worker, or with the small zone
	Two      = "two"      // with two workers, or with the huge zone
	IdleCPU  = "idleCPU"  // ms on processors, while nobody asks
	AtWork   = "atWork"   // ms by the clock, while it answers queries
)

// Row returns the row with that ID; nil if there is none.
func (o *Outcome) Row(id string) *Row {
	if i := slices.IndexFunc(o.Rows, func(r Row) bool { return r.ID == id }); i >= 0 {
		return &o.Rows[i]
	}
	return nil
}

// Server returns the one with that ID; nil if there is none.
func (o *Outcome) Server(id string) *Server {
	if i := slices.IndexFunc(o.Servers, func(s Server) bool { return s.ID == id }); i >= 0 {
		return &o.Servers[i]
	}
	return nil
}

// Entry returns that of a server; nil if there is none.
func (r *Row) Entry(server string) *Entry {
	if i := slices.IndexFunc(r.Entries, func(e Entry) bool { return e.Server == server }); i >= 0 {
		return &r.Entries[i]
	}
	return nil
}

// Has tells whether there is a sample of that round.
func (r *Row) Has(server string, round int) bool {
	e := r.Entry(server)
	return e != nil && slices.ContainsFunc(e.Samples, func(s Sample) bool { return s.Round == round })
}

// Add adds a sample.
func (r *Row) Add(server string, s Sample) {
	e := r.entry(server)
	e.Samples = append(e.Samples, s)
	delete(e.Failed, s.Round)
}

// Fail says why there is no figure of a round, until there is one.
func (r *Row) Fail(server string, round int, why string) {
	e := r.entry(server)
	if e.Failed == nil {
		e.Failed = map[int]string{}
	}
	e.Failed[round] = why
}

// Failure says in which rounds there is no figure, and why in the first of them; "" if there
// is one of each.
func (e *Entry) Failure() string {
	rounds := slices.Sorted(maps.Keys(e.Failed))
	switch {
	case len(rounds) == 0:
		return ""
	case len(e.Samples) == 0:
		return "no figure: " + e.Failed[rounds[0]]
	case len(rounds) == 1:
		return fmt.Sprintf("no figure in round %d: %s", rounds[0], e.Failed[rounds[0]])
	}
	return fmt.Sprintf("no figure in %d rounds; in round %d: %s", len(rounds), rounds[0], e.Failed[rounds[0]])
}

// Measured tells whether there is any figure of a server; of any server if it is "".
func (o *Outcome) Measured(server string) bool {
	return slices.ContainsFunc(o.Rows, func(r Row) bool {
		return slices.ContainsFunc(r.Entries, func(e Entry) bool { return len(e.Samples) > 0 && (server == "" || e.Server == server) })
	})
}

// Differs says in what two machines aren't the same; "" if they are. The kernel keeps a
// little more or less of the memory to itself each time it starts.
func (m Machine) Differs(other Machine) string {
	for _, part := range []struct{ name, a, b string }{
		{"machine", m.ID, other.ID}, {"system", m.System, other.System}, {"processor", m.Processor, other.Processor}, {"number of cores", strconv.Itoa(m.Cores), strconv.Itoa(other.Cores)},
		{"Go", m.Toolchain, other.Toolchain}, {"client", m.Client, other.Client},
	} {
		if part.a != part.b {
			return fmt.Sprintf("another %s: %q, which was %q", part.name, part.b, part.a)
		}
	}
	if a, b := float64(m.MemoryBytes), float64(other.MemoryBytes); a > b*1.01 || b > a*1.01 {
		return fmt.Sprintf("%d bytes of memory, which were %d", other.MemoryBytes, m.MemoryBytes)
	}
	return ""
}

// Note says something about what was measured of a server, once.
func (r *Row) Note(server, text string) {
	if e := r.entry(server); e.Note == "" {
		e.Note = text
	}
}

func (r *Row) entry(server string) *Entry {
	if r.Entry(server) == nil {
		r.Entries = append(r.Entries, Entry{Server: server})
	}
	return r.Entry(server)
}

// Use adds how a server was started, unless it is known.
func (s *Server) Use(u Use) {
	if !slices.ContainsFunc(s.Uses, func(known Use) bool { return known.For == u.For }) {
		s.Uses = append(s.Uses, u)
	}
}

// Write writes o as JSON.
func (o *Outcome) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(o)
}

// Read reads what Write has written.
func Read(from io.Reader) (*Outcome, error) {
	o := new(Outcome)
	decoder := json.NewDecoder(from)
	if err := decoder.Decode(o); err != nil {
		return nil, fmt.Errorf("not the JSON of a comparison: %w", err)
	}
	if o.Format != Format {
		return nil, fmt.Errorf("format %d: expected %d, the one that this program writes", o.Format, Format)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("not the JSON of a comparison: something follows it")
	}
	return o, nil
}
