package interop

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"yushan/internal/peer"
	"yushan/server"
	"yushan/server/config"
)

// startYushan serves zones as "yushan serve" does, until the test ends.
func startYushan(t *testing.T, zones ...peer.Zone) netip.AddrPort {
	t.Helper()
	addr := peer.FreeAddr(t)
	cfg := config.Default()
	cfg.Listen = []netip.AddrPort{addr}
	cfg.UDP.Workers = 1
	for _, z := range zones {
		if err := cfg.AddZone(z.Origin + "=" + z.File); err != nil {
			t.Fatal(err)
		}
	}
	s, err := server.Start(t.Context(), cfg, server.Options{Log: zaptest.NewLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.Shutdown(ctx)
	})
	return addr
}
