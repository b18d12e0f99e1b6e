package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"yushan/server"
	"yushan/zone/dname"
)

// progress shows how far work on zones has come: bars on a terminal, else a
// line every few seconds. Work that is done at once isn't shown.
type progress struct {
	w    io.Writer
	verb string
	mu   sync.Mutex // guards all below
	all  *mpb.Progress
	bars map[string]*bar
	over bool
}

type bar struct {
	mpb   *mpb.Bar
	since time.Time
	said  time.Time
}

const (
	patience  = 300 * time.Millisecond // before anything is shown
	lineEvery = 5 * time.Second
)

func newProgress(w io.Writer, verb string) *progress {
	p := &progress{w: w, verb: verb, bars: map[string]*bar{}}
	if server.IsTerminal(w) && os.Getenv("TERM") != "dumb" {
		p.all = mpb.New(mpb.WithOutput(w), mpb.WithWidth(50), mpb.WithAutoRefresh())
	}
	return p
}

// update is a [server.Progress].
func (p *progress) update(name []byte, done, total int64) {
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
	case b.mpb != nil:
		b.mpb.SetCurrent(done)
	case now.Sub(b.since) < patience || total <= 0:
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

// finish takes the bars away. Later updates are ignored.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.over = true
	for _, b := range p.bars {
		if b.mpb != nil {
			b.mpb.Abort(true)
		}
	}
	if p.all != nil {
		p.all.Wait()
	}
}
