package server

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"yushan/server/config"
	"yushan/zone"
	"yushan/zone/image"
)

// images keeps zones of the configuration in files, so that the next start need
// not read their master files. A nil images does not.
//
// A zone comes from its image if the master file, and all that it includes, are
// what they were when this build of the program read the image's zone from them.
// Otherwise the master file is read, as this build may judge it differently, and the
// image only used when that cannot be served.
//
// Images are written one after the other by a goroutine with a thread of the
// lowest priority, which ends when there is nothing to do. It also verifies the
// zones that came from images, as the start has no time for that, and removes the
// images of zones that are not configured. However many reloads follow one another,
// of each zone at most one image is being written and one, of the last version, waits.
type images struct {
	dir   image.Directory
	build string // that runs; "": nobody can tell
	log   *zap.Logger
	ctx   context.Context // ends with the server
	stop  context.CancelFunc
	wrong func(zone *zone.Zone) // called for a zone from an image that turned out to be damaged

	mu      sync.Mutex      // guards all below
	wanted  map[string]bool // paths of the images that are not to be removed
	sweeps  bool            // others are to be
	jobs    []imageJob      // at most one of each kind for a zone
	begun   bool            // before, nobody works: the start comes first
	working bool
	idle    chan struct{} // closed when nobody is working
}

// imageJob is an image to be written; or, without files, a zone to be verified.
type imageJob struct {
	loaded   *Loaded
	snapshot zone.Snapshot
}

// imageUse is what a zone's image was good for at the start.
type imageUse struct {
	written  time.Time // of the image that the zone came from
	rejected error     // why it could not be used
	stale    string    // the file that has changed since
	foreign  bool      // another build made it
	master   *Loaded   // what came of the master file, in whose place the image is served
}

// newImages returns nil if the configuration has no storage.
func newImages(cfg *config.Config, log *zap.Logger, wrong func(*zone.Zone)) *images {
	if cfg.Storage == "" {
		return nil
	}
	im := &images{dir: imageDirectory(cfg), log: log, wrong: wrong, wanted: map[string]bool{}, idle: make(chan struct{})}
	close(im.idle)
	im.ctx, im.stop = context.WithCancel(context.Background())
	var err error
	if im.build, err = image.Build(); err != nil { // as root: later the executable may be out of reach
		log.Warn("zone images are used only for zones whose files cannot be loaded", zap.Error(err))
	}
	return im
}

func imageDirectory(cfg *config.Config) image.Directory {
	return image.Directory(filepath.Join(cfg.Storage, "images"))
}

// prepare makes the directory, for the user that the process will be.
func (im *images) prepare(cfg *config.Config) {
	if im == nil {
		return
	}
	if err := makeDirectory(string(im.dir), cfg); err != nil {
		im.log.Warn("zone images cannot be written", zap.Error(err))
	}
}

// load returns the zone from its image or, if that is not what the files hold,
// from the master file.
func (im *images) load(ctx context.Context, z config.Zone, progress Progress) *Loaded {
	if im == nil {
		return LoadZone(ctx, z.Name, z.File, progress)
	}
	start := time.Now()
	im.want(z.Name)
	var use imageUse
	img, err := im.dir.Open(z.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		use.rejected = err
	default:
		defer img.Close()
		files := filesOf(img.Sources)
		if use.stale = files.changed(); len(img.Sources) > 0 && img.Sources[0].Path != z.File {
			use.stale = z.File
		}
		use.foreign = im.build == "" || img.Build != im.build
		if use.stale != "" || use.foreign {
			break
		}
		loaded, err := img.Load(ctx)
		if err == nil {
			use.written = img.Written
			return &Loaded{Name: z.Name, File: z.File, Zone: loaded, Report: img.Report, Took: time.Since(start),
				Changes: zone.Changes{Whole: img.Whole}, files: files, image: use}
		}
		if ctx.Err() != nil {
			return &Loaded{Name: z.Name, File: z.File, Err: err, files: newFiles()}
		}
		use.rejected = err
	}
	l := LoadZone(ctx, z.Name, z.File, progress)
	l.image = use
	if l.Zone != nil || img == nil || use.rejected != nil || ctx.Err() != nil {
		return l
	}
	// There is time for a look at all of it.
	lastGood, err := img.LoadVerified(ctx)
	if err != nil {
		l.image.rejected = err
		return l
	}
	use.written, use.master = img.Written, l
	// Without its files the master file will be read again whatever happens to it.
	return &Loaded{Name: z.Name, File: z.File, Zone: lastGood, Report: img.Report, Took: time.Since(start),
		Changes: zone.Changes{Whole: img.Whole}, files: newFiles(), image: use}
}

// asImage tells whether the zone came from an image, and the files are those
// that it was made from.
func (l *Loaded) asImage() bool { return !l.image.written.IsZero() && l.image.master == nil }

// why says why the zone cannot be served.
func (l *Loaded) why() zap.Field {
	if l.Err != nil {
		return zap.Error(l.Err)
	}
	return zap.Int("errors", l.Report.Errors)
}

// logImage says what a zone's image was good for.
func logImage(log *zap.Logger, l *Loaded) {
	use := &l.image
	if use.rejected != nil {
		log.Warn("zone image is not used", zoneField(l.Name), zap.Error(use.rejected))
	}
	if use.stale != "" {
		log.Info("zone image is older than the zone's files", zoneField(l.Name), zap.String("changed", use.stale))
	}
	if use.foreign && use.stale == "" {
		log.Info("zone image was made by another build of yushan: the zone's files are read", zoneField(l.Name))
	}
	if use.master != nil {
		logZone(log, use.master)
		age := time.Since(use.written).Round(time.Second)
		log.Error("zone is served FROM ITS LAST IMAGE: its master file could not be loaded, which the next reload tries again", zoneField(l.Name),
			zap.String("file", l.File), zap.Uint32("serial", l.Zone.Serial()), zap.Time("written", use.written), zap.Duration("age", age), use.master.why())
		// No reason to refuse it, as it is for secondaries (RFC 1035 §3.3.13): the files
		// may have said the same until a moment ago.
		if expire := expireOf(l.Zone); age > expire {
			log.Error("that image is OLDER THAN THE EXPIRE of its SOA record", zoneField(l.Name), zap.Duration("age", age), zap.Duration("expire", expire))
		}
	}
}

// expireOf returns the EXPIRE of the zone's SOA record.
func expireOf(z *zone.Zone) time.Duration {
	soa := z.SOA().Records().Bytes
	return time.Duration(binary.BigEndian.Uint32(soa[len(soa)-8:])) * time.Second
}

// want keeps the image of a zone from being removed.
func (im *images) want(name []byte) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.wanted[im.dir.Path(name)] = true
}

func (im *images) wants(path string) bool {
	im.mu.Lock()
	defer im.mu.Unlock()
	return im.wanted[path]
}

// keepOnly has the images removed of all zones but those, which are in service or
// should be. One that came back after years, with a master file that
// cannot be loaded, would else be served from what it was then.
func (im *images) keepOnly(zones []config.Zone) {
	if im == nil {
		return
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	clear(im.wanted)
	for _, z := range zones {
		im.wanted[im.dir.Path(z.Name)] = true
	}
	im.jobs = slices.DeleteFunc(im.jobs, func(j imageJob) bool { return !im.wanted[im.dir.Path(j.loaded.Name)] })
	im.sweeps = true
	im.hire()
}

// verify has a zone looked at that came from an image.
func (im *images) verify(l *Loaded) {
	if im != nil && l.asImage() {
		im.add(imageJob{loaded: l})
	}
}

// save has the image of a zone written that was read from files, unless it has one:
// the zone came from it, or old, the version before, is the same and had it. s.mu
// is held: no edit is under way.
func (im *images) save(l, old *Loaded) {
	if im == nil || l.saved || !l.image.written.IsZero() || len(l.files.seen) == 0 {
		return
	}
	l.saved = true
	if old != nil && old.saved && old.Zone == l.Zone && slices.Equal(old.files.sources(l.File), l.files.sources(l.File)) {
		return
	}
	im.add(imageJob{l, l.Zone.Snapshot()})
}

func (j *imageJob) verifies() bool { return j.snapshot.Origin == nil }

// add puts a job in the place of one of its kind for an earlier version of its
// zone, or behind the others. What was to be verified still is when a later version
// is to be written, which has most of its memory in common with it.
func (im *images) add(job imageJob) {
	im.mu.Lock()
	defer im.mu.Unlock()
	i := slices.IndexFunc(im.jobs, func(other imageJob) bool {
		return other.verifies() == job.verifies() && string(other.loaded.Name) == string(job.loaded.Name)
	})
	if i >= 0 {
		im.jobs[i] = job
	} else {
		im.jobs = append(im.jobs, job)
	}
	im.hire()
}

// begin lets the work begin.
func (im *images) begin() {
	if im == nil {
		return
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	im.begun = true
	im.hire()
}

// hire sees to it that somebody works, if there is something to do. im.mu is held.
func (im *images) hire() {
	if im.begun && !im.working && (len(im.jobs) > 0 || im.sweeps) {
		im.working, im.idle = true, make(chan struct{})
		whenIdle(im.work)
	}
}

// work does jobs until there are none.
func (im *images) work() {
	for {
		im.mu.Lock()
		if len(im.jobs) == 0 && !im.sweeps || im.ctx.Err() != nil {
			im.working, im.sweeps, im.jobs = false, false, nil
			close(im.idle)
			im.mu.Unlock()
			return
		}
		if im.sweeps { // first: the others may need the room
			im.sweeps = false
			im.mu.Unlock()
			im.sweep()
			continue
		}
		job := im.jobs[0]
		im.jobs = slices.Delete(im.jobs, 0, 1) // and forget its zone
		im.mu.Unlock()
		if job.verifies() {
			im.check(job.loaded)
		} else {
			im.write(job)
		}
	}
}

func (im *images) sweep() {
	removed, err := im.dir.Sweep(im.wants)
	for _, path := range removed {
		im.log.Info("zone image removed: the zone is not configured", zap.String("file", path))
	}
	if err != nil {
		im.log.Warn("zone images of zones that are not configured stay", zap.Error(err))
	}
}

func (im *images) write(job imageJob) {
	l, start := job.loaded, time.Now()
	if !l.files.settle(im.ctx) {
		im.log.Debug("no image is written: the zone's files have changed since", zoneField(l.Name))
		return
	}
	err := im.dir.Write(im.ctx, image.Header{
		Build: im.build, Sources: l.files.sources(l.File), Report: l.Report, Whole: l.Changes.Whole,
	}, job.snapshot)
	switch {
	case err == nil:
		im.log.Info("zone image written", zoneField(l.Name), zap.Uint32("serial", job.snapshot.Serial),
			zap.Int64("bytes", job.snapshot.Bytes()), zap.Duration("took", time.Since(start)))
	case im.ctx.Err() == nil:
		im.log.Warn("zone image could NOT be written: a restart will read the master file", zoneField(l.Name), zap.Error(err))
	}
}

func (im *images) check(l *Loaded) {
	err := l.Zone.Verify(im.ctx)
	switch {
	case err == nil:
		im.log.Debug("zone from its image is verified", zoneField(l.Name))
	case im.ctx.Err() == nil:
		im.log.Error("zone image is DAMAGED though its checksums are right: the master file is read now", zoneField(l.Name), zap.Error(err))
		if err := os.Remove(im.dir.Path(l.Name)); err != nil {
			im.log.Warn("the damaged zone image stays", zap.Error(err))
		}
		im.wrong(l.Zone)
	}
}

// close ends the writing of an image, and waits for that or the end of ctx.
func (im *images) close(ctx context.Context) {
	if im == nil {
		return
	}
	im.stop()
	im.mu.Lock()
	idle := im.idle
	im.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
