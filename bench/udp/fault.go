package udp

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// faultOf is an error of a socket in words. Those that were told by ICMP come with whatever
// call is made next, so it doesn't matter which it was.
func faultOf(errno unix.Errno) error {
	if errno == unix.ECONNREFUSED {
		return fmt.Errorf("%w: the server's host says that the port is closed", errno)
	}
	return errno
}

func (s *sender) fault(errno unix.Errno) {
	s.work.Recorder.Lock()
	s.work.Recorder.Fault(faultOf(errno))
	s.work.Recorder.Unlock()
}

// readErrors empties the queue of ICMP messages that a socket has which isn't connected,
// up to a batch of them: it would keep the socket awake. The errors themselves are
// told by sending and receiving.
func (s *sender) readErrors(c *client) {
	var message [64]byte
	for range batchLen {
		if _, _, _, _, err := unix.Recvmsg(c.fd, message[:], nil, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT); err != nil {
			return
		}
	}
}
