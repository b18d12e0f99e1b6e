package contender

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// asker asks a server for the SOA record of the zone by UDP.
type asker struct {
	conn  net.Conn
	id    uint16
	query []byte
	buf   [4096]byte
}

// answer is what of a response counts here.
type answer struct {
	authoritative bool // NOERROR with AA and an answer
	serial        uint32
}

// soaQuestion asks for tw SOA.
var soaQuestion = []byte("\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02tw\x00\x00\x06\x00\x01")

func newAsker(port uint16) (*asker, error) {
	conn, err := net.Dial("udp4", netip.AddrPortFrom(loopback, port).String())
	if err != nil {
		return nil, err
	}
	return &asker{conn: conn, query: append([]byte{}, soaQuestion...)}, nil
}

func (a *asker) close() { a.conn.Close() }

// ask sends one query and waits so long for its answer. Where nobody listens it waits as
// long before it says so.
func (a *asker) ask(wait time.Duration) (answer, error) {
	a.id++
	binary.BigEndian.PutUint16(a.query, a.id)
	until := time.Now().Add(wait)
	a.conn.SetReadDeadline(until)
	_, err := a.conn.Write(a.query)
	if err == nil {
		for {
			n := 0
			if n, err = a.conn.Read(a.buf[:]); err != nil {
				break
			}
			// An answer to an earlier query is as good, since all are the same.
			if got, ok := parseAnswer(a.buf[:n]); ok {
				return got, nil
			}
		}
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		time.Sleep(time.Until(until))
	}
	return answer{}, err
}

// parseAnswer reads a response to the question; not ok if it is none.
func parseAnswer(b []byte) (a answer, ok bool) {
	if len(b) < len(soaQuestion) || b[2]&0x80 == 0 || string(b[12:len(soaQuestion)]) != string(soaQuestion[12:]) {
		return a, false
	}
	a.authoritative = b[2]&0x04 != 0 && b[3]&0x0f == 0 && binary.BigEndian.Uint16(b[6:]) > 0
	if a.authoritative {
		a.serial, a.authoritative = soaSerial(b[len(soaQuestion):])
	}
	return a, true
}

// soaSerial reads the serial of the SOA record that b begins with.
func soaSerial(b []byte) (serial uint32, ok bool) {
	b, ok = skipName(b)
	if !ok || len(b) < 10 || binary.BigEndian.Uint16(b) != 6 {
		return 0, false
	}
	b = b[10:]
	for range 2 { // MNAME, RNAME
		if b, ok = skipName(b); !ok {
			return 0, false
		}
	}
	if len(b) < 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(b), true
}

func skipName(b []byte) (rest []byte, ok bool) {
	for len(b) > 0 {
		switch n := int(b[0]); {
		case n == 0:
			return b[1:], true
		case n >= 0xc0:
			return b[min(2, len(b)):], len(b) >= 2
		case n+1 > len(b):
			return nil, false
		default:
			b = b[n+1:]
		}
	}
	return nil, false
}

// Serial asks for the zone's serial; not ok if there is no answer in time.
func (p *Process) Serial() (serial uint32, ok bool) {
	ask, err := newAsker(p.Setup.Ports.DNS)
	if err != nil {
		return 0, false
	}
	defer ask.close()
	a, err := ask.ask(time.Second)
	return a.serial, err == nil && a.authoritative
}
