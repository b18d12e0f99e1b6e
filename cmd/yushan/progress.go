package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"yushan/internal/terminal"
	"yushan/zone/dname"
)

// progress shows how far work on zones has come: bars on a terminal, else a
// line every few seconds. Work that is done at once isn't shown. It is a
// server.Progress.
type progress struct {
	w    io.Writer
	verb string        // of what is counted
	then string        // of what follows uncounted; "" if nothing does
	mu   sync.Mutex    // guards all below
	all  *mpb.Progress // nil if w is no terminal
	bars map[string]*bar
	over bool
}

type bar struct {
	mpb   *mpb.Bar // nil as long as it isn't shown
	since time.Time
	said  time.Time
	then  *time.Timer // shows what follows; nil before that
}

const (
	patience  = 300 * time.Millisecond // before anything is shown
	lineEvery = 5 * time.Second
)

func newProgress(w io.Writer, verb, then string) *progress {
	p := &progress{w: w, verb: verb, then: then, bars: map[string]*bar{}}
	if terminal.Rich(w) {
		p.all = mpb.New(mpb.WithOutput(w), mpb.WithWidth(32), mpb.WithAutoRefresh())
	}
	return p
}

// Read shows that done of total have been read, or signed.
func (p *progress) Read(name []byte, done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	now := time.Now()
	b := p.bars[string(name)]
	if b == nil {
		b = &bar{since: now, said: now}
		p.bars[string(name)] = b
	}
	switch {
	case b.then != nil || total <= 0:
	case p.then != "" && done >= total:
		b.hide()
		wait := lineEvery
		if p.all != nil {
			wait = patience
		}
		b.then = time.AfterFunc(wait-now.Sub(b.since), func() { p.follow(name, b) })
	case b.mpb != nil:
		b.mpb.SetCurrent(done)
	case now.Sub(b.since) < patience:
	case p.all != nil:
		b.mpb = p.all.New(total, mpb.BarStyle().Rbound(" ").Lbound(" ").Filler("━").Tip("━").Padding("─"),
			mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(p.verb+" "+dname.Display(name)+" ")),
			mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.Name("  "),
				decor.NewAverageETA(decor.ET_STYLE_GO, b.since, nil, decor.WCSyncSpaceR)))
		b.mpb.SetCurrent(done)
	case now.Sub(b.said) >= lineEvery && done < total:
		b.said = now
		fmt.Fprintf(p.w, "%s %s: %d %%\n", p.verb, dname.Display(name), 100*done/total)
	}
}

// follow shows that name is in the work that cannot be counted, for how long
// all of it takes already.
func (p *progress) follow(name []byte, b *bar) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || p.bars[string(name)] != b {
		return
	}
	if p.all == nil {
		fmt.Fprintf(p.w, "%s %s\n", p.then, dname.Display(name))
		return
	}
	b.mpb = p.all.New(0, mpb.NopStyle(), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(p.then+" "+dname.Display(name)+"  "), decor.NewElapsed(decor.ET_STYLE_GO, b.since)))
}

// Done takes the bar of one zone away.
func (p *progress) Done(name []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.bars[string(name)]; b != nil {
		b.hide()
		delete(p.bars, string(name))
	}
}

// finish takes the bars away. Later calls show nothing.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.over = true
	for _, b := range p.bars {
		b.hide()
	}
	if p.all != nil {
		p.all.Wait()
	}
}

func (b *bar) hide() {
	if b.then != nil {
		b.then.Stop()
	}
	if b.mpb != nil {
		b.mpb.Abort(true)
		b.mpb = nil
	}
}
