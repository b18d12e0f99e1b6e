package pace

import (
	"testing"
	"time"
)

func TestTimer(t *testing.T) {
	timer, err := NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{0, -time.Second, time.Nanosecond, 300 * time.Microsecond, 2 * time.Millisecond} {
		began := time.Now()
		if err := timer.Wait(d); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited < d {
			t.Errorf("waited %s: expected at least %s", waited, d)
		}
	}
	if err := timer.Close(); err != nil {
		t.Error(err)
	}
	if err := timer.Wait(time.Millisecond); err == nil {
		t.Error("a closed timer waits")
	}
}

func TestTimerWake(t *testing.T) {
	timer, err := NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	defer timer.Close()
	done := make(chan error)
	go func() { done <- timer.Wait(24 * time.Hour) }()
	for {
		if err := timer.Wake(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// BenchmarkTimer shows how late a timer of 50 µs is: ns/op less 50,000.
func BenchmarkTimer(b *testing.B) {
	timer, err := NewTimer()
	if err != nil {
		b.Fatal(err)
	}
	defer timer.Close()
	for b.Loop() {
		if err := timer.Wait(50 * time.Microsecond); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSleep is the same by Go's own timers.
func BenchmarkSleep(b *testing.B) {
	for b.Loop() {
		time.Sleep(50 * time.Microsecond)
	}
}
