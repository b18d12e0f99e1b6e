package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"yushan/bench"
	"yushan/bench/report/units"
	"yushan/bench/result"
	"yushan/internal/terminal"
)

// view shows how a run comes on: some lines and a bar on a terminal, elsewhere a line now
// and then.
type view struct {
	w    io.Writer // nil: nothing is shown
	err  io.Writer // of notes, which are always shown
	bars *mpb.Progress

	// state is what the lines read; they are drawn by a goroutine of the bars, which
	// must not wait for mu.
	state atomic.Pointer[bench.Progress]

	mu    sync.Mutex // guards all below
	bar   *mpb.Bar   // nil as long as nothing is shown
	lines []*mpb.Bar // above it
	label string     // of a trial
}

const (
	drawEvery = 250 * time.Millisecond
	lineEvery = time.Second
)

// newView makes the view of a run, and has it shown.
func newView(w io.Writer, config *bench.Config, quiet bool) *view {
	v := &view{err: w}
	if quiet {
		return v
	}
	v.w = w
	config.Show, config.ShowEvery = v.show, lineEvery
	if terminal.Rich(w) {
		config.ShowEvery = drawEvery
		v.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(44), mpb.WithAutoRefresh())
	}
	return v
}

// show takes what a run has come to.
func (v *view) show(p bench.Progress) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if before := v.state.Swap(&p); before != nil && p.Elapsed < before.Elapsed { // the next trial
		v.hide()
	}
	switch {
	case v.bars == nil && v.label == "":
		fmt.Fprintf(v.w, "%6s  %s  %s\n", units.Span(p.Elapsed.Round(time.Second).Seconds()), rateText(&p), latencyText(&p))
	case v.bars == nil:
	case v.bar == nil:
		v.draw(p.Duration)
		fallthrough
	default:
		v.bar.SetCurrent(min(p.Elapsed, p.Duration-1).Milliseconds())
	}
}

// draw puts lines and a bar on the terminal.
func (v *view) draw(duration time.Duration) {
	line := func(text func(*bench.Progress) string) {
		v.lines = append(v.lines, v.bars.New(0, mpb.NopStyle(),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return "  " + text(v.state.Load()) }))))
	}
	line(rateText)
	line(latencyText)
	line(rcodesText)
	v.bar = v.bars.New(duration.Milliseconds(),
		mpb.BarStyle().Lbound("").Rbound(" ").Filler("━").Tip("━").Padding("─"),
		mpb.PrependDecorators(decor.Name(" "+v.label)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return timeText(v.state.Load()) })),
	)
}

func timeText(p *bench.Progress) string {
	left := p.Duration - p.Elapsed
	if left <= 0 {
		return "waiting for the last answers"
	}
	return units.Span(left.Round(time.Second).Seconds()) + " left"
}

// step shows a trial of a search when it has ended.
func (v *view) step(s result.Step) {
	if v.w == nil {
		return
	}
	verdict := "kept"
	switch {
	case s.Kept:
	case len(s.Limits) > 0:
		verdict = "the client's limit: " + s.Limits[0]
	default:
		verdict = "broken: " + strings.Join(s.Broken, ", ")
	}
	line := fmt.Sprintf("%11s/s  lost %-8s  p50 %-8s  p99 %-8s  %s\n", units.Rate(s.Rate), units.Percent(s.Loss),
		units.Duration(time.Duration(s.P50)), units.Duration(time.Duration(s.P99)), verdict)
	v.mu.Lock()
	v.hide()
	v.mu.Unlock()
	if v.bars != nil {
		_, _ = v.bars.Write([]byte(line))
	} else {
		fmt.Fprint(v.w, line)
	}
}

// note says something, above the bar if there is one.
func (v *view) note(text string) {
	if v.bars == nil {
		fmt.Fprintln(v.err, text)
		return
	}
	if _, err := v.bars.Write([]byte("\r" + text + "\n")); err != nil { // they have ended
		fmt.Fprintln(v.err, text)
	}
}

// hide takes the bar away.
func (v *view) hide() {
	if v.bar == nil {
		return
	}
	for _, b := range append(v.lines, v.bar) {
		b.Abort(true)
	}
	v.lines, v.bar = nil, nil
}

// close takes everything away that will not stay.
func (v *view) close() {
	v.mu.Lock()
	v.hide()
	v.mu.Unlock()
	if v.bars != nil {
		v.bars.Wait()
	}
}

func rateText(p *bench.Progress) string {
	perSecond := func(n uint64) string { return units.Rate(float64(n) / p.Span.Seconds()) }
	return fmt.Sprintf("due %9s/s  answered %9s/s  lost %s", perSecond(p.Since.Due), perSecond(p.Since.Answered), units.Percent(p.Counts.Loss()))
}

func latencyText(p *bench.Progress) string {
	if p.Latency.Count() == 0 {
		return "no answers"
	}
	var b strings.Builder
	for _, q := range []float64{0.5, 0.99, 0.999} {
		fmt.Fprintf(&b, "%s %-8s  ", units.Percentile(q), units.Duration(p.Latency.Quantile(q)))
	}
	return strings.TrimRight(b.String(), " ")
}

func rcodesText(p *bench.Progress) string {
	var list []string
	for code, n := range p.Counts.RCodes {
		if n > 0 {
			name, known := dns.RcodeToString[code]
			if !known {
				name = fmt.Sprintf("RCODE %d", code)
			}
			list = append(list, fmt.Sprintf("%s %s", name, units.Percent(float64(n)/float64(p.Counts.Answered))))
		}
	}
	return strings.Join(list, "   ")
}
