package listen

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// Error says that addr could not be taken into use, and why in an operator's
// words. network is the transport: "UDP", "DoT". It wraps err, so that a caller can still ask
// for syscall.EADDRINUSE.
func Error(network string, addr netip.AddrPort, err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if advice := advice(errno); advice != "" {
			return fmt.Errorf("listen on %s %s: %w: %s", network, addr, errno, advice)
		}
	}
	return fmt.Errorf("listen on %s %s: %w", network, addr, err)
}

func advice(errno syscall.Errno) string {
	switch errno {
	case syscall.EADDRINUSE:
		return "another server is running on this port"
	case syscall.EADDRNOTAVAIL:
		return "this machine has no such address"
	case syscall.EACCES:
		return "ports below 1024 need root or CAP_NET_BIND_SERVICE"
	case syscall.EAFNOSUPPORT:
		return "this machine has no such address family (IPv6 disabled?)"
	}
	return ""
}
