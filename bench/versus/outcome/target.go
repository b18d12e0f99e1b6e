package outcome

import (
	"fmt"
	"math"
	"strconv"
)

// Target is what a figure of yushan shall be, held against another one.
type Target struct {
	// Of is the server that it is held against, by ID; or [BestPeer]. "": against
	// nothing, Limit is in the row's unit.
	Of    string  `json:"of,omitempty"`
	Limit float64 `json:"limit"` // at most; at least where more is better
	// Moonshot is one that would be good to reach.
	Moonshot bool `json:"moonshot,omitempty"`
}

// BestPeer is the best server of the row that is neither yushan nor a floor.
const BestPeer = "best"

// Verdict is what can be said about a target.
type Verdict uint8

// Likely ones are where the interval of the ratio holds the limit as well: the next run
// could say otherwise.
const (
	Unknown Verdict = iota
	Reached
	LikelyReached
	LikelyMissed
	Missed
)

func (v Verdict) String() string {
	return [...]string{"not measured", "reached", "reached, within noise", "missed, within noise", "missed"}[v]
}

// Good tells whether the target is reached, as far as the figures say.
func (v Verdict) Good() bool { return v == Reached || v == LikelyReached }

// Judged is a target with what came of it.
type Judged struct {
	Target
	Against string // ID of the server that it was held against
	Ratio   Estimate
	Verdict Verdict
}

// Text says what the target is: "≤ 0.7 × NSD 4.6.1".
func (t Target) Text(row *Row, name func(id string) string) string {
	sign := "≤"
	if row.More {
		sign = "≥"
	}
	limit := strconv.FormatFloat(t.Limit, 'f', -1, 64)
	switch t.Of {
	case "":
		if row.Unit == "×" {
			return sign + " " + limit + " ×"
		}
		return fmt.Sprintf("%s %s %s", sign, limit, row.Unit)
	case BestPeer:
		return sign + " " + limit + " × best peer"
	}
	return sign + " " + limit + " × " + name(t.Of)
}

// judge holds an estimate against the limit.
func (t Target) judge(e Estimate, more bool) Verdict {
	if math.IsNaN(e.Value) {
		return Unknown
	}
	value, worst, best := e.Value, e.High, e.Low
	limit := t.Limit
	if more {
		value, worst, best, limit = -value, -e.Low, -e.High, -limit
	}
	switch {
	case value <= limit && worst <= limit:
		return Reached
	case value <= limit:
		return LikelyReached
	case best <= limit:
		return LikelyMissed
	}
	return Missed
}
