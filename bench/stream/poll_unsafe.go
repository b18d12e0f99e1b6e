package stream

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// wakeUp stands for the poller's own descriptor among those of the places.
const wakeUp = -1

// poller is an epoll instance, and an eventfd by which other goroutines end a wait.
type poller struct {
	fd, event int
	coarse    bool // the kernel has no epoll_pwait2 (before Linux 5.11)
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	event, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	p := &poller{fd: fd, event: event}
	if err := p.add(event, wakeUp, 0, unix.EPOLLIN); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// add watches a descriptor. Its events have place and generation.
func (p *poller) add(fd int, place, generation int32, events uint32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, place, generation, events)
}

// change makes other events of it known.
func (p *poller) change(fd int, place, generation int32, events uint32) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, place, generation, events)
}

// remove ends watching a descriptor.
func (p *poller) remove(fd int) { _ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil) }

func (p *poller) control(operation, fd int, place, generation int32, events uint32) error {
	if err := unix.EpollCtl(p.fd, operation, fd, &unix.EpollEvent{Events: events, Fd: place, Pad: generation}); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// wait returns how many events there are, 0 after the time has passed.
func (p *poller) wait(events []unix.EpollEvent, timeout time.Duration) (int, error) {
	if p.coarse {
		return p.waitCoarsely(events, timeout)
	}
	spec := unix.NsecToTimespec(int64(timeout))
	var n uintptr
	var errno unix.Errno
	// Both pointers are only read or written during the call. One that does not wait
	// need not tell Go's scheduler.
	if timeout <= 0 {
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), uintptr(unsafe.Pointer(&events[0])),
			uintptr(len(events)), uintptr(unsafe.Pointer(&spec)), 0, 0)
	} else {
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), uintptr(unsafe.Pointer(&events[0])),
			uintptr(len(events)), uintptr(unsafe.Pointer(&spec)), 0, 0)
	}
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	case unix.ENOSYS:
		p.coarse = true
		return p.waitCoarsely(events, timeout)
	}
	return 0, fmt.Errorf("epoll: %w", errno)
}

// waitCoarsely has the same meaning, by two calls: ppoll knows nanoseconds.
func (p *poller) waitCoarsely(events []unix.EpollEvent, timeout time.Duration) (int, error) {
	if timeout > 0 {
		spec := unix.NsecToTimespec(int64(timeout))
		if _, err := unix.Ppoll([]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}, &spec, nil); err != nil && !errors.Is(err, unix.EINTR) {
			return 0, fmt.Errorf("ppoll: %w", err)
		}
	}
	n, err := unix.EpollWait(p.fd, events, 0)
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	} else if err != nil {
		return 0, fmt.Errorf("epoll: %w", err)
	}
	return n, nil
}

// wake ends a wait, or the next one. Any goroutine may call it until the poller is
// closed.
func (p *poller) wake() {
	one := [8]byte{1}
	_, _ = unix.Write(p.event, one[:]) // it is full only if it wakes anyway
}

// woken makes wake work again.
func (p *poller) woken() {
	var count [8]byte
	_, _ = unix.Read(p.event, count[:])
}

func (p *poller) close() {
	unix.Close(p.event)
	unix.Close(p.fd)
}

// sharpTimers lets the thread's waits end when they should, and not up to 50 µs later. It
// returns what makes that undone.
func sharpTimers() (restore func()) {
	before, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) != nil {
		return func() {}
	}
	return func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(before), 0, 0, 0) }
}
