package browser

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Complaints collects what goes wrong in a tab's pages: exceptions that nothing
// caught, console.error, and errors that the browser reports itself, such as
// violations of a content security policy or resources that fail to load.
type Complaints struct {
	mu    sync.Mutex
	texts []string
}

// Listen collects complaints of the tab from now on.
func Listen(ctx context.Context) (*Complaints, error) {
	c := new(Complaints)
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			text := e.ExceptionDetails.Text
			if x := e.ExceptionDetails.Exception; x != nil {
				text += " " + x.Description
			}
			c.add(text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError {
				for _, argument := range e.Args {
					c.add(fmt.Sprintf("console.error: %s%s", argument.Value, argument.Description))
				}
			}
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				c.add(fmt.Sprintf("%s: %s", e.Entry.URL, e.Entry.Text))
			}
		}
	})
	return c, err
}

func (c *Complaints) add(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, text)
}

// Take returns what has come since the last call.
func (c *Complaints) Take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	texts := slices.Clone(c.texts)
	c.texts = nil
	return texts
}
