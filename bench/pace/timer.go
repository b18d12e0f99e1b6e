package pace

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Timer lets a goroutine wait for a time to within some microseconds. The timers of
// Go's runtime come up to a millisecond late in a process that has nothing else to do,
// since it rounds up what it lets the kernel wait.
type Timer struct {
	file *os.File
	fd   int
}

// NewTimer returns a timer, which must be closed.
func NewTimer() (*Timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	return &Timer{os.NewFile(uintptr(fd), "timer"), fd}, nil
}

// Wait returns when so much time has passed, or when Wake is called. Only one goroutine
// may wait.
func (t *Timer) Wait(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if err := t.set(d); err != nil {
		return err
	}
	var expirations [8]byte
	_, err := t.file.Read(expirations[:])
	return err
}

// Wake ends a Wait that is going on. It may be called by any goroutine, and does nothing
// for a Wait that begins later. The timer must not be closed yet.
func (t *Timer) Wake() error { return t.set(1) }

func (t *Timer) set(d time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if err := unix.TimerfdSettime(t.fd, 0, &spec, nil); err != nil {
		return fmt.Errorf("set a timer: %w", err)
	}
	return nil
}

// Close frees the timer.
func (t *Timer) Close() error { return t.file.Close() }
