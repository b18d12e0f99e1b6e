package server

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
	im.keepOnly([]config.Zone{{Name: other.Name}})
	if len(im.jobs) != 1 || im.jobs[0].loaded != other {
		t.Errorf("there are %d jobs, expected that for the zone which is still configured", len(im.jobs))
	}
}

// imagesDone waits until there is nothing to write, to verify or to remove.
func (s *zoneServer) imagesDone() {
	s.images.mu.Lock()
	idle := s.images.idle
	s.images.mu.Unlock()
	<-idle
}

// However many versions come while an image is being written, one more image is.
func TestImagesOfManyReloads(t *testing.T) {
	s := &zoneServer{t: t, dir: t.TempDir()}
	s.write("tw.zone", registryText(1, 20))
	s.start(t.TempDir())
	const last = 30
	for serial := 2; serial <= last; serial++ {
		s.write("tw.zone", registryText(serial, 20))
		if err := s.Reload(t.Context(), s.cfg); err != nil {
			t.Fatal(err)
		}
		s.images.mu.Lock()
		if n := len(s.images.jobs); n > 1 {
			t.Errorf("serial %d: %d images wait to be written", serial, n)
		}
		s.images.mu.Unlock()
	}
	s.imagesDone()
	img, err := s.images.dir.Open(wireName("tw."))
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if img.Serial != last {
		t.Errorf("the image has serial %d, expected %d", img.Serial, last)
	}
}

// The image of another build is no substitute for the files, but may be the last
// that is known of the zone.
func TestImageOfAnotherBuild(t *testing.T) {
	s := &zoneServer{t: t, dir: t.TempDir()}
	storage := t.TempDir()
	s.write("tw.zone", registryText(1, 20))
	s.start(storage)
	s.imagesDone()
	s.images.build += "/of another day"
	s.write("tw.zone", registryText(2, 20))
	s.reload()
	s.imagesDone()
	s.stop()

	s.start(storage)
	log := s.logs.TakeAll()
	s.logged(log, "zone image was made by another build of yushan")
	s.logged(log, "zone loaded")
	s.imagesDone()
	s.logged(s.logs.TakeAll(), "zone image written")
	s.stop()
	s.start(storage)
	s.logged(s.logs.TakeAll(), "zone loaded from its image")

	s.images.build += "/of another day"
	s.write("tw.zone", registryText(3, 20))
	s.reload()
	s.imagesDone()
	s.stop()
	s.write("tw.zone", "no zone at all")
	s.start(storage)
	if got := s.zone().Serial(); got != 3 {
		t.Errorf("serial %d is in service, expected the last that is known, 3", got)
	}
	s.logged(s.logs.TakeAll(), "zone is served FROM ITS LAST IMAGE")
}

// A zone that expired long ago is served all the same, and not in silence.
func TestImageOlderThanExpire(t *testing.T) {
	s := &zoneServer{t: t, dir: t.TempDir()}
	storage := t.TempDir()
	s.write("tw.zone", strings.Replace(registryText(1, 20), " 1209600 ", " 0 ", 1))
	s.start(storage)
	s.imagesDone()
	s.stop()
	s.write("tw.zone", "no zone at all")
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(2 * time.Second))) // the age is in seconds
	s.start(storage)
	log := s.logs.TakeAll()
	s.logged(log, "zone is served FROM ITS LAST IMAGE")
	s.logged(log, "that image is OLDER THAN THE EXPIRE")
}

// Images of zones that are no longer configured go, at a reload and at a start.
func TestImagesOfForgottenZones(t *testing.T) {
	s := &zoneServer{t: t, dir: t.TempDir()}
	storage := t.TempDir()
	s.write("tw.zone", registryText(1, 20))
	s.write("taiwan.zone", strings.Replace(registryText(1, 20), "$ORIGIN tw.", "$ORIGIN xn--kpry57d.", 1))
	images := func() (names []string) {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(storage, "images", "*.image"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			names = append(names, filepath.Base(path))
		}
		return names
	}
	s.start(storage)
	s.imagesDone()
	one := *s.cfg
	two := one
	two.Zones = slices.Clone(one.Zones)
	if err := two.AddZone("台灣=" + filepath.Join(s.dir, "taiwan.zone")); err != nil {
		t.Fatal(err)
	}
	both := []string{"tw.image", "xn--kpry57d.image"}
	for _, step := range []struct {
		cfg  *config.Config
		want []string
	}{{&two, both}, {&one, both[:1]}, {&two, both}} {
		s.cfg = step.cfg
		s.reload()
		s.imagesDone()
		if got := images(); !slices.Equal(got, step.want) {
			t.Fatalf("%d zones: the images are %v, expected %v", len(step.cfg.Zones), got, step.want)
		}
	}
	s.stop()
	s.start(storage)
	s.imagesDone()
	if got := images(); !slices.Equal(got, both[:1]) {
		t.Errorf("after a start the images are %v, expected %v", got, both[:1])
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
