package transfer

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// wire is a connection that bounds each wait for bytes, and measures them.
type wire struct {
	net.Conn
	patience time.Duration
	waited   time.Duration
	bytes    uint64
}

func (c *wire) Read(b []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(c.patience))
	began := time.Now()
	n, err := c.Conn.Read(b)
	c.waited += time.Since(began)
	c.bytes += uint64(n)
	return n, err
}

func (c *wire) Write(b []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(c.patience))
	return c.Conn.Write(b)
}

// one makes one transfer. What was measured before an error stays in the result.
func (o *Options) one(ctx context.Context) (t Transfer) {
	began := time.Now()
	err := o.transfer(ctx, began, &t)
	t.Whole = int64(time.Since(began))
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		t.Error = err.Error()
	}
	return t
}

func (o *Options) transfer(ctx context.Context, began time.Time, t *Transfer) error {
	dialer := net.Dialer{Timeout: o.Timeout}
	tcp, err := dialer.DialContext(ctx, "tcp", o.Server.String())
	if err != nil {
		return fmt.Errorf("connect: %w", plainly(err, o.Timeout))
	}
	defer tcp.Close()
	defer context.AfterFunc(ctx, func() { tcp.Close() })()
	raw := &wire{Conn: tcp, patience: o.Timeout}
	defer func() { t.Waited, t.WireBytes = int64(raw.waited), raw.bytes }()
	var conn net.Conn = raw
	if o.TLS != nil {
		encrypted := tls.Client(raw, o.tlsConfig())
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("TLS: %w", plainly(err, o.Timeout))
		}
		conn = encrypted
	}
	t.Connect = int64(time.Since(began))
	raw.waited = 0
	query, stream, err := o.query()
	if err != nil {
		return err
	}
	if _, err := conn.Write(query); err != nil {
		return fmt.Errorf("send the query: %w", plainly(err, o.Timeout))
	}
	return o.receive(conn, stream, began, t)
}

// tlsConfig is that of XoT: its ALPN, and TLS 1.3 (RFC 9103 §7.1, §7.2).
func (o *Options) tlsConfig() *tls.Config {
	c := o.TLS.Clone()
	c.NextProtos = []string{"dot"}
	c.MinVersion = tls.VersionTLS13
	if c.ServerName == "" {
		c.ServerName = o.Server.Addr().String()
	}
	return c
}

// stream is what is known of the messages that shall come.
type stream struct {
	id       uint16
	verifier *verifier // nil without a key
	serial   uint32
	soa      bool // the first one has come
}

// query returns the query with its length.
func (o *Options) query() ([]byte, *stream, error) {
	m := new(dns.Msg).SetAxfr(o.Zone)
	s := &stream{id: m.Id}
	var wire []byte
	var err error
	if o.Key == nil {
		wire, err = m.Pack()
	} else {
		var mac []byte
		if wire, mac, err = o.Key.sign(m); err == nil {
			s.verifier, err = newVerifier(o.Key, mac)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...), s, nil
}

// readBuffer holds the longest message with its length, and what comes with it.
const readBuffer = 256 << 10

// receive reads messages up to the SOA record that ends the transfer.
func (o *Options) receive(conn net.Conn, s *stream, began time.Time, t *Transfer) error {
	in := bufio.NewReaderSize(conn, readBuffer)
	for {
		b, err := nextMessage(in)
		if err != nil {
			err = plainly(err, o.Timeout)
			if t.Messages == 0 {
				return fmt.Errorf("no answer: %w", err)
			}
			return fmt.Errorf("broken off after %d messages with %d records: %w", t.Messages, t.Records, err)
		}
		if t.Messages++; t.Messages == 1 {
			t.First = int64(time.Since(began))
		}
		t.Bytes += uint64(len(b))
		done, err := s.take(b, t)
		if err != nil {
			return fmt.Errorf("message %d: %w", t.Messages, err)
		}
		if done {
			return nil
		}
		in.Discard(2 + len(b)) // what Peek has shown
	}
}

// nextMessage returns the next message, which stays in the buffer.
func nextMessage(in *bufio.Reader) ([]byte, error) {
	length, err := in.Peek(2)
	if err != nil {
		if len(length) > 0 && err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	n := 2 + int(binary.BigEndian.Uint16(length))
	b, err := in.Peek(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return b[2:], nil
}

// take takes one message, and tells whether it was the last one (RFC 5936 §2.2).
func (s *stream) take(b []byte, t *Transfer) (done bool, err error) {
	m, err := parse(b)
	if err != nil {
		return false, err
	}
	const qr, opcode, tc = 1 << 15, 15 << 11, 1 << 9
	switch {
	case m.id != s.id || m.flags&qr == 0 || m.flags&opcode != 0:
		return false, errors.New("it is not an answer to the query")
	case m.flags&tc != 0:
		return false, errors.New("it is truncated, which no message of a transfer is")
	}
	// A server that doesn't like the key says so in a message that it cannot sign.
	if s.verifier != nil && (m.rcode == 0 || m.tsig != 0) {
		if err := s.verifier.check(b, m); err != nil {
			return false, err
		}
	}
	if m.rcode != 0 {
		return false, fmt.Errorf("the server answers %s", rcodeText(m.rcode))
	}
	if m.records == 0 {
		return false, errors.New("it has no records")
	}
	if !s.soa {
		if !m.first.is {
			return false, errors.New("it begins with another record than the SOA")
		}
		s.soa, s.serial, t.Serial = true, m.first.serial, m.first.serial
	} else if m.first.is && m.records > 1 {
		return false, errors.New("records follow the SOA record that ends the transfer")
	}
	if m.inner > 0 {
		return false, errors.New("records follow the SOA record that ends the transfer")
	}
	t.Records += uint64(m.records)
	if !m.last.is || t.Records == 1 {
		return false, nil
	}
	t.Records-- // the SOA comes twice
	if m.last.serial != s.serial {
		return false, fmt.Errorf("the transfer ends with the serial %d, it began with %d", m.last.serial, s.serial)
	}
	if s.verifier != nil {
		return true, s.verifier.end()
	}
	return true, nil
}

func rcodeText(rcode int) string {
	text, known := dns.RcodeToString[rcode]
	if !known {
		text = fmt.Sprintf("RCODE %d", rcode)
	}
	switch rcode {
	case dns.RcodeRefused:
		text += ": it doesn't allow us the transfer"
	case dns.RcodeNotAuth:
		text += ": it has no such zone, or doesn't allow us the transfer"
	case dns.RcodeServerFailure:
		text += ": it doesn't have the zone, or not now"
	}
	return text
}

// plainly puts errors of the network into words without addresses and ports, so that equal
// ones can be counted.
func plainly(err error, patience time.Duration) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fmt.Errorf("nothing came for %s", patience)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the server has closed the connection")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused: nobody listens there")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errors.New("the server has reset the connection")
	}
	var of *net.OpError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
