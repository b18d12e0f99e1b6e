package server

import (
	"context"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"yushan/zone"
)

func TestGOGC(t *testing.T) {
	const mb = 1 << 20
	for _, test := range []struct {
		live, scanned uint64
		want          int
		why           string
	}{
		{0, 0, 100, "nothing was collected yet"},
		{8 * mb, 2 * mb, 100, "a small server is left to Go"},
		{100 * mb, 3 * mb, 32, "a zone of a million delegations, nobody connected"},
		{1000 * mb, 3 * mb, 3, "ten times the zone"},
		{10000 * mb, 3 * mb, 1, "never less than one percent"},
		{700 * mb, 600 * mb, 85, "that, and many connections"},
		{600 * mb, 600 * mb, 100, "connections alone"},
	} {
		if got := gogc(test.live, test.scanned); got != test.want {
			t.Errorf("%s: %d MB live, %d MB scanned: GOGC %d, expected %d", test.why, test.live/mb, test.scanned/mb, got, test.want)
		}
	}
}

func TestWasteful(t *testing.T) {
	if wasteful(zone.Stats{Bytes: 600, Garbage: 100}) || !wasteful(zone.Stats{Bytes: 600, Garbage: 101}) {
		t.Error("a sixth of garbage is the limit")
	}
}

// The metrics that the rule goes by are there, and mean what they did.
func TestCollectorSizes(t *testing.T) {
	const size = 64 << 20
	zoneLike := make([]byte, size)
	runtime.GC()
	live, scanned := collectorSizes()
	runtime.KeepAlive(zoneLike)
	if live < size || scanned == 0 || scanned > size {
		t.Errorf("with %d bytes without pointers, %d are live, and %d looked through", size, live, scanned)
	}
}

// What the environment says is left alone; else the percentage follows the heap,
// and is again what it was when the server has stopped.
func TestWatchCollector(t *testing.T) {
	before := gcPercent()
	zoneLike := make([]byte, 256<<20)
	runtime.GC()
	watch := func() (lowest uint64) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			new(collector).watch(ctx)
		}()
		lowest = gcPercent()
		for end := time.Now().Add(10 * time.Second); lowest == before && time.Now().Before(end); time.Sleep(time.Millisecond) {
			select {
			case <-ended:
				end = time.Time{}
			default:
			}
			lowest = min(lowest, gcPercent())
		}
		cancel()
		<-ended
		return lowest
	}
	if got := watch(); got >= before {
		t.Errorf("with 256 MB that are not looked through it stays at %d", got)
	}
	if got := gcPercent(); got != before {
		t.Errorf("afterwards it is %d, before it was %d", got, before)
	}
	t.Setenv("GOGC", "100")
	if got := watch(); got != before {
		t.Errorf("GOGC is set, and it became %d", got)
	}
	runtime.KeepAlive(zoneLike)
}

// While collections are held off none begins, and one that is due then comes afterwards.
func TestHoldCollections(t *testing.T) {
	collections := func() uint32 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.NumGC
	}
	litter := func(bytes int) {
		for ; bytes > 0; bytes -= 1 << 20 {
			garbage.Store(new([1 << 20]byte))
		}
	}
	c := new(collector)
	before := gcPercent()
	c.hold()()
	if got := gcPercent(); got != before {
		t.Errorf("without a watch GOGC became %d, it was %d", got, before)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.watch(ctx)
	}()
	for began := false; !began; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		began = c.percent != 0
		c.mu.Unlock()
	}
	runtime.GC() // so that it is known how little is live

	resume := c.hold()
	runtime.GC() // and with it one that had begun before
	first := collections()
	litter(heldGarbage / 2) // they begin before there is as much as there may be
	if n := collections() - first; n > 0 {
		t.Errorf("%d collections while they were held off", n)
	}
	resume()
	for deadline := time.Now().Add(time.Minute); collections() == first; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("there is no collection afterwards")
		}
	}
	c.mu.Lock()
	if got := gcPercent(); got != uint64(c.percent) {
		t.Errorf("GOGC is %d afterwards, expected %d", got, c.percent)
	}
	c.mu.Unlock()

	resume = c.hold()
	first = collections()
	litter(heldGarbage * 3)
	if collections() == first {
		t.Error("garbage comes up without bounds while collections are held off")
	}
	resume()
	cancel()
	<-ended
	if got := gcPercent(); got != before {
		t.Errorf("GOGC is %d in the end, it was %d", got, before)
	}
}

// garbage makes sure that it is in the heap.
var garbage atomic.Pointer[[1 << 20]byte]

func gcPercent() uint64 {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
