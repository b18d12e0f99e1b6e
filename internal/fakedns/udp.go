package fakedns

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socketBytes is large enough for the queries of a client that doesn't wait.
const socketBytes = 16 << 20

func (s *Server) serveUDP(r *run) (net.Addr, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(s.Addr))
	if err != nil {
		return nil, err
	}
	if err := prepareUDP(conn); err != nil {
		conn.Close()
		return nil, err
	}
	r.ends = func() { conn.Close() }
	socket := &datagrams{UDPConn: conn}
	r.tasks.Go(func() {
		buf, control := make([]byte, 1<<16), make([]byte, 256)
		for {
			n, controlBytes, _, from, err := conn.ReadMsgUDPAddrPort(buf, control)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue // ICMP about a client that has gone
			}
			q := &Query{Message: append([]byte{}, buf[:n]...), From: from, Received: received(control[:controlBytes])}
			s.answerUDP(r, socket, q)
		}
	})
	return conn.LocalAddr(), nil
}

// datagrams is a socket that is written to one after the other: who waits for another one has
// not begun to send, and the time at which it does is the right one.
type datagrams struct {
	*net.UDPConn
	writing sync.Mutex
}

func (s *Server) answerUDP(r *run, conn *datagrams, q *Query) {
	reply := s.ask(q)
	r.later(q, reply.Delay, func() {
		messages := reply.Messages
		if reply.Raw != nil {
			messages = [][]byte{reply.Raw}
		}
		conn.writing.Lock()
		defer conn.writing.Unlock()
		for _, m := range messages {
			s.sending(q, func() { conn.WriteToUDPAddrPort(m, q.From) })
		}
		if reply.End == Kills {
			r.kill()
		}
	})
}

// prepareUDP asks for large buffers and for the times at which datagrams come.
func prepareUDP(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		for force, plain := range map[int]int{unix.SO_RCVBUFFORCE: unix.SO_RCVBUF, unix.SO_SNDBUFFORCE: unix.SO_SNDBUF} {
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, force, socketBytes) != nil {
				inner = errors.Join(inner, unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, plain, socketBytes))
			}
		}
		inner = errors.Join(inner, unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	})
	return errors.Join(err, inner)
}

// received is the time in the control messages of a datagram.
func received(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Now().Round(0)
	}
	for _, m := range messages {
		if m.Header.Level == syscall.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) == 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return time.Now().Round(0)
}
