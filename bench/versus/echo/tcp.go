package echo

import (
	"encoding/binary"
	"net"
)

// serveStreams echoes on each connection until the listener is closed.
func serveStreams(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			echoStream(conn)
		}()
	}
}

// echoStream sends messages with their lengths (RFC 1035 §4.2.2) back.
func echoStream(conn net.Conn) {
	buffer := make([]byte, 2*(2+maxMessage))
	have := 0
	for {
		n, err := conn.Read(buffer[have:])
		if err != nil {
			return
		}
		have += n
		whole := 0
		for have-whole >= 2 {
			length := int(binary.BigEndian.Uint16(buffer[whole:]))
			if length < header {
				return
			}
			if have-whole < 2+length {
				break
			}
			buffer[whole+2+flagsAt] |= response
			whole += 2 + length
		}
		if whole > 0 {
			if _, err := conn.Write(buffer[:whole]); err != nil {
				return
			}
			have = copy(buffer, buffer[whole:have])
		}
	}
}
