package server

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"yushan/server/query"
)

// panicInterval is the least time between two panics that are logged: whoever
// knows a query that makes the engine panic can send it very often.
const panicInterval = time.Minute

// panicLog tells the operator of queries on which the engine panicked. Listeners
// drop these and go on, but someone has to mend the engine.
type panicLog struct {
	log     *zap.Logger
	begin   time.Time
	next    atomic.Int64   // when one may be logged again, in nanoseconds since begin
	silent  atomic.Uint64  // panics since the last that was logged
	logging sync.WaitGroup // lines that are being written
}

func newPanicLog(log *zap.Logger) *panicLog {
	return &panicLog{log: log, begin: time.Now()}
}

// on returns the hook for the listeners of one transport. It may be called by
// any number of goroutines. They don't wait for the log, which may be slow, and
// take a stack only if it is to be logged.
func (p *panicLog) on(transport query.Transport) func(wire []byte, value any) {
	return func(wire []byte, value any) {
		now, next := time.Since(p.begin), p.next.Load()
		if int64(now) < next || !p.next.CompareAndSwap(next, int64(now+panicInterval)) {
			p.silent.Add(1)
			return
		}
		silent := p.silent.Swap(0)
		wire, stack := bytes.Clone(wire), debug.Stack()
		p.logging.Go(func() {
			p.log.Error("BUG: a query made the server panic; it was dropped, all others go on. Please report this line",
				zap.Stringer("transport", transport),
				zap.String("query", hex.EncodeToString(wire)),
				zap.String("panic", fmt.Sprint(value)),
				zap.Uint64("not_logged_before", silent),
				zap.ByteString("stack", stack))
		})
	}
}
