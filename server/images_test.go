package server

import (
	"context"
	"testing"

	"go.uber.org/zap"

	"yushan/server/config"
	"yushan/zone"
)

// A later version of a zone shares its memory: that is verified all the same.
func TestImageJobs(t *testing.T) {
	cfg := config.Default()
	cfg.Storage = t.TempDir()
	im := newImages(cfg, zap.NewNop(), func(*zone.Zone) {})
	defer im.close(context.Background())
	name := func(s string) *Loaded { return &Loaded{Name: wireName(s)} }
	write := func(l *Loaded) imageJob { return imageJob{l, zone.Snapshot{Origin: l.Name}} }
	first, second, third, other := name("tw."), name("tw."), name("tw."), name("xn--kpry57d.")
	for _, job := range []imageJob{{loaded: first}, {loaded: other}, write(second), write(third)} {
		im.add(job) // nobody works before begin
	}
	if len(im.jobs) != 3 {
		t.Fatalf("there are %d jobs, expected one to verify tw, one to verify the other zone, one to write tw", len(im.jobs))
	}
	for i, want := range []struct {
		loaded   *Loaded
		verifies bool
	}{{first, true}, {other, true}, {third, false}} {
		if j := &im.jobs[i]; j.loaded != want.loaded || j.verifies() != want.verifies {
			t.Errorf("job %d is of another zone or kind", i)
		}
	}
}

// Reading a damaged zone again keeps the configuration that somebody else puts
// into service meanwhile.
func TestReadAgainBesideReloads(t *testing.T) {
	s := startZone(t, registryText(1, 10))
	for range 20 {
		cfg := *s.cfg
		read := make(chan struct{})
		go func() {
			defer close(read)
			s.readAgain(t.Context(), s.zone())
		}()
		if err := s.Reload(t.Context(), &cfg); err != nil {
			t.Fatal(err)
		}
		<-read
		s.mu.Lock()
		if s.Server.cfg != &cfg {
			t.Error("an earlier configuration is in service again")
		}
		s.mu.Unlock()
	}
}
