package echo

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/internal/peer"
	"yushan/internal/quicload"
)

// patience bounds what is waited for. Only a failing test waits that long.
const patience = time.Minute

var query = []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02tw\x00\x00\x06\x00\x01")

// echoed is the query as it comes back.
func echoed(query []byte) []byte {
	want := bytes.Clone(query)
	want[2] |= 0x80
	return want
}

func TestAllTransports(t *testing.T) {
	server := quicload.ServerTLS(t)
	c := Config{Plain: peer.FreeAddr(t), Secure: peer.FreeAddr(t), Certificate: server.Certificates[0]}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, c) }()

	askUDP(t, c.Plain)
	config := quicload.ClientTLS()
	for name, dial := range map[string]func() (net.Conn, error){
		"TCP": func() (net.Conn, error) { return net.Dial("tcp", c.Plain.String()) },
		"DoT": func() (net.Conn, error) { return tls.Dial("tcp", c.Secure.String(), config) },
	} {
		conn := connect(t, dial)
		// Two queries at once, the second in two pieces.
		frame := append([]byte{0, byte(len(query))}, query...)
		both := append(bytes.Clone(frame), frame...)
		for _, piece := range [][]byte{both[:len(frame)+5], both[len(frame)+5:]} {
			if _, err := conn.Write(piece); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		got := make([]byte, len(both))
		if _, err := io.ReadFull(conn, got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := append(append([]byte{0, byte(len(query))}, echoed(query)...), append([]byte{0, byte(len(query))}, echoed(query)...)...)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %x, expected %x", name, got, want)
		}
		// What is too short for DNS ends the connection.
		conn.Write([]byte{0, 1, 0})
		if n, err := conn.Read(got); err == nil {
			t.Errorf("%s: %d bytes for a message of one", name, n)
		}
		conn.Close()
	}

	dialled, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	conn, err := quic.DialAddr(dialled, c.Secure.String(), quicload.ClientTLS("doq"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		stream, err := conn.OpenStreamSync(dialled)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := quicload.Ask(stream, query); err != nil || !bytes.Equal(got, echoed(query)) {
			t.Errorf("DoQ: %x, %v; expected %x", got, err, echoed(query))
		}
	}
	conn.CloseWithError(0, "")

	cancel()
	select {
	case err := <-served:
		if err != nil {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("it doesn't end")
	}
}

func TestTakenAddress(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := Serve(t.Context(), Config{Plain: taken.Addr().(*net.TCPAddr).AddrPort()}); err == nil {
		t.Error("it serves where another one listens")
	}
}

func TestEchoInC(t *testing.T) {
	compiler := peer.Tool(t, "cc", "gcc")
	directory := t.TempDir()
	source, program := filepath.Join(directory, "echo.c"), filepath.Join(directory, "echo")
	if err := os.WriteFile(source, Source, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	at := peer.FreeAddr(t)
	cmd := exec.Command(program, at.Addr().String(), strconv.Itoa(int(at.Port())))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	askUDP(t, at)
}

// askUDP sends a hundred queries until one comes back, and then checks that each does.
func askUDP(t *testing.T, at netip.AddrPort) {
	t.Helper()
	conn, err := net.Dial("udp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	message, got := bytes.Clone(query), make([]byte, 512)
	for i := range 100 {
		message[0] = byte(i)
		for end := time.Now().Add(patience); ; {
			if time.Now().After(end) {
				t.Fatalf("UDP: query %d doesn't come back", i)
			}
			conn.Write(message)
			conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			if n, err := conn.Read(got); err == nil && got[0] == byte(i) {
				if !bytes.Equal(got[:n], echoed(message)) {
					t.Fatalf("UDP: %x, expected %x", got[:n], echoed(message))
				}
				break
			}
		}
	}
}

func connect(t *testing.T, dial func() (net.Conn, error)) net.Conn {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := dial()
		if err == nil {
			conn.SetDeadline(time.Now().Add(patience))
			return conn
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
