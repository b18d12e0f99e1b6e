package outcome

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
)

// sample makes an outcome with one row, whose figures are given by server.
func sample(row Row, figures map[string][]float64) *Outcome {
	o := &Outcome{Format: Format}
	for _, id := range []string{Yushan, "nsd", "knot", "echo"} {
		o.Servers = append(o.Servers, Server{ID: id, Name: strings.ToUpper(id), Version: "1.2", Floor: id == "echo"})
		for i, v := range figures[id] {
			row.Add(id, Sample{Round: i + 1, Value: v, Extra: map[string]float64{Rate: 1e6 / v}})
		}
	}
	o.Rows = []Row{row}
	return o
}

func TestBestPeer(t *testing.T) {
	figures := map[string][]float64{Yushan: {3, 2, 4}, "nsd": {9, 6, 7}, "knot": {5, 8, 6}, "echo": {1, 1, 1}}
	for name, tt := range map[string]struct {
		row   Row
		best  string
		ratio float64
		lost  bool
	}{
		"less is better": {Row{}, "knot", 0.5, false},
		"more is better": {Row{More: true}, "nsd", 3. / 7, true},
	} {
		o := sample(tt.row, figures)
		j := o.Judge(&o.Rows[0])
		if j.Best != tt.best || math.Abs(j.Ratio.Value-tt.ratio) > 1e-9 || j.Lost != tt.lost {
			t.Errorf("%s: best %s, ratio %v, lost %v; expected %s, %g, %v", name, j.Best, j.Ratio, j.Lost, tt.best, tt.ratio, tt.lost)
		}
	}
	worse := sample(Row{}, map[string][]float64{Yushan: {3, 2, 4}, "nsd": {1.5, 1, 2}})
	if j := worse.Judge(&worse.Rows[0]); j.Ratio.Value != 2 || !j.Lost {
		t.Errorf("twice as much as a peer: ratio %v, lost %v", j.Ratio, j.Lost)
	}
	o := sample(Row{}, map[string][]float64{Yushan: {3}, "echo": {1}})
	if j := o.Judge(&o.Rows[0]); j.Best != "" || !math.IsNaN(j.Ratio.Value) || j.Lost {
		t.Errorf("a floor alone: best %q, ratio %v", j.Best, j.Ratio)
	}
}

func TestVerdicts(t *testing.T) {
	wide, narrow := []float64{50, 70, 60, 90, 55}, []float64{60, 61, 60, 59, 60}
	hundred := []float64{100, 100, 100, 100, 100}
	for name, tt := range map[string]struct {
		own     []float64
		more    bool
		target  Target
		verdict Verdict
	}{
		"reached":              {narrow, false, Target{Of: BestPeer, Limit: 0.7}, Reached},
		"reached, by noise":    {wide, false, Target{Of: BestPeer, Limit: 0.7}, LikelyReached},
		"missed, by noise":     {wide, false, Target{Of: BestPeer, Limit: 0.55}, LikelyMissed},
		"missed":               {narrow, false, Target{Of: BestPeer, Limit: 0.5}, Missed},
		"of a server":          {narrow, false, Target{Of: "nsd", Limit: 0.7}, Reached},
		"of a floor":           {narrow, false, Target{Of: "echo", Limit: 1.3}, Reached},
		"of one that is away":  {narrow, false, Target{Of: "bind", Limit: 0.7}, Unknown},
		"alone":                {narrow, false, Target{Limit: 61}, Reached},
		"alone, missed":        {narrow, false, Target{Limit: 58}, Missed},
		"more, reached":        {narrow, true, Target{Of: BestPeer, Limit: 0.5}, Reached},
		"more, missed":         {narrow, true, Target{Of: BestPeer, Limit: 1}, Missed},
		"more, missed, noise":  {wide, true, Target{Of: BestPeer, Limit: 0.7}, LikelyMissed},
		"more, reached, noise": {wide, true, Target{Of: BestPeer, Limit: 0.55}, LikelyReached},
		"not measured":         {nil, false, Target{Of: BestPeer, Limit: 0.7}, Unknown},
	} {
		o := sample(Row{More: tt.more, Targets: []Target{tt.target}}, map[string][]float64{Yushan: tt.own, "nsd": hundred, "echo": {50, 50, 50, 50, 50}})
		j := o.Judge(&o.Rows[0])
		if got := j.Targets[0].Verdict; got != tt.verdict {
			t.Errorf("%s: %v (ratio %v), expected %v", name, got, j.Targets[0].Ratio, tt.verdict)
		}
	}
}

// Rounds are held against each other in which both were measured: what disturbs one
// disturbs the other.
func TestPairedRounds(t *testing.T) {
	own, peer := []float64{10, 20, 30, 11, 25}, []float64{20, 40, 60, 22, 50}
	o := sample(Row{}, map[string][]float64{Yushan: own, "nsd": peer})
	if r := o.Judge(&o.Rows[0]).Ratio; r.Value != 0.5 || r.Low != 0.5 || r.High != 0.5 {
		t.Errorf("half of it in each round: %v", r)
	}
	e := o.Rows[0].Entry("nsd")
	for i := range e.Samples {
		e.Samples[i].Round = 5 - i
	}
	if r := o.Judge(&o.Rows[0]).Ratio; !(r.Low < 0.4 && r.High > 0.6) {
		t.Errorf("rounds that don't go together vary: %v", r)
	}
}

func TestOneRound(t *testing.T) {
	o := sample(Row{}, map[string][]float64{Yushan: {2}, "nsd": {8}})
	j := o.Judge(&o.Rows[0])
	if j.Ratio != (Estimate{0.25, 0.25, 0.25}) || j.Of(Yushan).Extra[Rate] != 5e5 {
		t.Errorf("ratio %v, figures %+v", j.Ratio, j.Of(Yushan))
	}
}

// What failed is said until there is a figure of that round.
func TestFailure(t *testing.T) {
	row := Row{}
	row.Fail("nsd", 2, "it ended")
	row.Fail("nsd", 1, "no port")
	failure := func() string { return row.Entry("nsd").Failure() }
	if got := failure(); got != "no figure: no port" {
		t.Error(got)
	}
	row.Add("nsd", Sample{Round: 3, Value: 1})
	if got := failure(); got != "no figure in 2 rounds; in round 1: no port" {
		t.Error(got)
	}
	row.Add("nsd", Sample{Round: 1, Value: 1})
	if got := failure(); got != "no figure in round 2: it ended" {
		t.Error(got)
	}
	row.Add("nsd", Sample{Round: 2, Value: 1})
	if got := failure(); got != "" {
		t.Error(got)
	}
}

func TestMeasured(t *testing.T) {
	o := sample(Row{}, map[string][]float64{Yushan: {1}})
	o.Rows[0].Fail("nsd", 1, "it ended")
	if !o.Measured("") || !o.Measured(Yushan) || o.Measured("nsd") || o.Measured("knot") || new(Outcome).Measured("") {
		t.Errorf("of %+v there are figures of yushan alone", o.Rows[0].Entries)
	}
}

func TestWrittenAndRead(t *testing.T) {
	o := sample(Row{ID: "udp", Unit: "µs/query", Targets: []Target{{Of: BestPeer, Limit: 0.7, Moonshot: true}}}, map[string][]float64{Yushan: {1, 2}})
	o.Servers[0].Use(Use{For: "queries", Command: "a > b", Files: []File{{"x", "y"}}})
	o.Servers[0].Use(Use{For: "queries", Command: "other"})
	o.Rows[0].Fail("nsd", 2, "it ended")
	o.Builds = map[string]string{"nsd": "0123"}
	var b bytes.Buffer
	if err := o.Write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	got, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, o) || len(got.Servers[0].Uses) != 1 || !strings.Contains(text, "a > b") {
		t.Errorf("read %+v, expected %+v", got, o)
	}
	for _, bad := range []string{"", "{", "{}", `{"format": 99}`, text + "{}", "[]"} {
		if _, err := Read(strings.NewReader(bad)); err == nil {
			t.Errorf("%.20q was read", bad)
		}
	}
}
