package lookup_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/quic-go/quic-go/http3"

	"yushan/internal/browser"
)

// The page says so when its answers come by HTTP/3.
func TestHTTP3(t *testing.T) {
	s := serve(t, labOptions())
	address := s.Listener.Addr().String()
	socket, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http3.Server{
		Handler:   s.Config.Handler,
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: s.TLS.Certificates}),
	}
	served := make(chan error)
	go func() { served <- server.Serve(socket) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
		socket.Close()
	})
	tab := browser.StartWith(t, browser.Options{Pins: []string{s.pin}, HTTP3: address})
	u := user{t, s, tab, nil}
	u.do(chromedp.Navigate(s.URL + "/"))
	u.follow("#tw/SOA")
	u.expect("by HTTP/3", map[string]string{"#rcode": "NOERROR", "#summary .facts": "byHTTP/3", "[data-fact=HTTP] dd": "HTTP/3 GET 200"})
	u.follow("#tw/SOA/post")
	u.expect("by HTTP/3", map[string]string{"[data-fact=HTTP] dd": "HTTP/3 POST 200"})
	if !strings.Contains(u.text("#section-answer .data"), "hostmaster.nic.tw.") {
		t.Errorf("the answer is %q", u.text("#section-answer"))
	}
}
