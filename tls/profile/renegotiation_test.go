package profile

import (
	"crypto/tls"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"yushan/internal/peer"
)

// TestRenegotiationIsRefused asks openssl for it, since Go's client cannot begin
// one: a client that may repeat the handshake makes the server compute without limit.
func TestRenegotiationIsRefused(t *testing.T) {
	openssl := peer.Tool(t, "openssl", "openssl")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)) // what takes this long has failed
	client := exec.CommandContext(t.Context(), openssl, "s_client", "-connect", l.Addr().String(), "-tls1_2", "-alpn", DoT)
	keyboard, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	client.Stdout, client.Stderr = &said, &said
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer client.Wait()
	defer keyboard.Close()
	raw, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(time.Minute))
	conn := tls.Server(raw, server(t, DoT))
	got := make([]byte, 64)
	io.WriteString(keyboard, "hello\n")
	if n, err := conn.Read(got); err != nil || string(got[:n]) != "hello\n" {
		t.Fatalf("before: %q, %v", got[:n], err)
	}
	io.WriteString(keyboard, "R\n") // s_client's command
	n, err := conn.Read(got)
	if err == nil {
		t.Fatalf("the connection went on with %q", got[:n])
	}
	if !strings.Contains(err.Error(), "unexpected") {
		t.Errorf("the connection ended with %v", err)
	}
	raw.Close()
	client.Wait()
	if text := said.String(); !strings.Contains(text, "RENEGOTIATING") || !strings.Contains(text, "alert") {
		t.Errorf("openssl did not renegotiate, or was not refused:\n%s", text)
	}
}
