package encload

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"yushan/internal/quicload"
)

// Protocol is how queries are carried.
type Protocol string

const (
	DoT Protocol = "dot"
	DoQ Protocol = "doq"
	DoH Protocol = "doh3" // on HTTP/3
)

// Names returns the protocols there are.
func Names() string {
	names := slices.Sorted(maps.Keys(protocols))
	return strings.Trim(fmt.Sprint(names), "[]")
}

// session is a connection.
type session interface {
	// ask sends a query and waits for its answer. errUsedUp: the server lets no more
	// queries in. Sessions on QUIC have it called by several goroutines at once.
	ask(ctx context.Context, query []byte) ([]byte, error)
	resumed() bool
	close()
}

var errUsedUp = errors.New("the server allows no more streams on this connection")

// dialer opens connections of one client.
type dialer func(context.Context) (session, error)

// protocols make a client, which has no ticket at first.
var protocols = map[Protocol]func(addr string, remember bool) dialer{
	DoT: func(addr string, remember bool) dialer {
		d := tls.Dialer{Config: clientTLS(remember, "dot")}
		return func(ctx context.Context) (session, error) {
			conn, err := d.DialContext(ctx, "tcp", addr)
			if err != nil {
				return nil, err
			}
			return &dot{conn.(*tls.Conn)}, nil
		}
	},
	DoQ: func(addr string, remember bool) dialer {
		config := clientTLS(remember, "doq")
		return func(ctx context.Context) (session, error) {
			conn, err := quic.DialAddr(ctx, addr, config, &quic.Config{DisablePathMTUDiscovery: true})
			if err != nil {
				return nil, err
			}
			return &doq{conn: conn}, nil
		}
	},
	DoH: func(addr string, remember bool) dialer {
		config := clientTLS(remember, http3.NextProtoH3)
		transport := new(http3.Transport)
		return func(ctx context.Context) (session, error) {
			conn, err := quic.DialAddr(ctx, addr, config, &quic.Config{DisablePathMTUDiscovery: true})
			if err != nil {
				return nil, err
			}
			return &doh{conn, transport.NewClientConn(conn), "https://" + addr + "/dns-query"}, nil
		}
	},
}

func clientTLS(remember bool, protocol string) *tls.Config {
	c := quicload.ClientTLS(protocol)
	c.MinVersion = tls.VersionTLS13
	c.CurvePreferences = []tls.CurveID{tls.X25519}
	if !remember {
		c.ClientSessionCache = nil
	}
	return c
}

// dot is DNS over TLS (RFC 7858), one query at a time.
type dot struct{ conn *tls.Conn }

func (d *dot) ask(ctx context.Context, query []byte) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	if err := d.conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := d.conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(d.conn, length[:]); err != nil {
		return nil, err
	}
	answer := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(d.conn, answer)
	return answer, err
}

func (d *dot) resumed() bool { return d.conn.ConnectionState().DidResume }

func (d *dot) close() { d.conn.Close() }

// doq is DNS over QUIC (RFC 9250).
type doq struct {
	conn     *quic.Conn
	underway atomic.Int64
}

// creditTime is how long a server with nothing to do may take to let the next query
// in.
const creditTime = 20 * time.Millisecond

func (d *doq) ask(ctx context.Context, query []byte) ([]byte, error) {
	stream, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	d.underway.Add(1)
	defer d.underway.Add(-1)
	if deadline, ok := ctx.Deadline(); ok {
		if err := stream.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	return quicload.Ask(stream, query)
}

// open opens a stream. A server that gives no credit while it has nothing to answer
// won't give any: Knot 3.5 ends connections that way.
func (d *doq) open(ctx context.Context) (*quic.Stream, error) {
	for {
		short, cancel := context.WithTimeout(ctx, creditTime)
		idle := d.underway.Load() == 0
		stream, err := d.conn.OpenStreamSync(short)
		cancel()
		switch {
		case err == nil:
			return stream, nil
		case ctx.Err() != nil || d.conn.Context().Err() != nil:
			return nil, errUsedUp
		case idle && d.underway.Load() == 0:
			return nil, errUsedUp
		}
	}
}

func (d *doq) resumed() bool { return d.conn.ConnectionState().TLS.DidResume }

func (d *doq) close() { d.conn.CloseWithError(0, "") }

// doh is DNS over HTTP/3 (RFC 8484), by POST.
type doh struct {
	conn *quic.Conn
	http *http3.ClientConn
	url  string
}

func (d *doh) ask(ctx context.Context, query []byte) ([]byte, error) {
	const mediaType = "application/dns-message"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(query))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", mediaType)
	request.Header.Set("Accept", mediaType)
	response, err := d.http.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, answer)
	}
	return answer, err
}

func (d *doh) resumed() bool { return d.conn.ConnectionState().TLS.DidResume }

func (d *doh) close() { d.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "") }
