package server

import (
	"context"
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
// what they were when the image's zone was read from them. If one has changed the
// master file is read, and the image only used when that cannot be served.
//
// Images are written one after the other by a goroutine with a thread of the
// lowest priority, which ends when there is nothing to do. It also verifies the
// zones that came from images, as the start has no time for that.
type images struct {
	dir   image.Directory
	log   *zap.Logger
	ctx   context.Context // ends with the server
	stop  context.CancelFunc
	wrong func(zone *zone.Zone) // called for a zone from an image that turned out to be damaged

	mu      sync.Mutex // guards all below
	jobs    []imageJob // at most one of each kind for a zone
	begun   bool       // before, nobody works: the start comes first
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
	master   *Loaded   // what came of the master file, in whose place the image is served
}

// newImages returns nil if the configuration has no storage.
func newImages(cfg *config.Config, log *zap.Logger, wrong func(*zone.Zone)) *images {
	if cfg.Storage == "" {
		return nil
	}
	im := &images{dir: imageDirectory(cfg), log: log, wrong: wrong, idle: make(chan struct{})}
	close(im.idle)
	im.ctx, im.stop = context.WithCancel(context.Background())
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
		if use.stale != "" {
			break
		}
		loaded, err := img.Load(ctx)
		if err == nil {
			use.written = img.Written
			return &Loaded{Name: z.Name, File: z.File, Zone: loaded, Report: img.Report, Took: time.Since(start),
				Changes: zone.Changes{Whole: true}, files: files, image: use}
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
		Changes: zone.Changes{Whole: true}, files: newFiles(), image: use}
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
	if use.master != nil {
		logZone(log, use.master)
		log.Error("zone is served FROM ITS LAST IMAGE: its master file could not be loaded, which the next reload tries again", zoneField(l.Name),
			zap.String("file", l.File), zap.Uint32("serial", l.Zone.Serial()), zap.Time("written", use.written), use.master.why())
	}
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
	if im.begun && !im.working && len(im.jobs) > 0 {
		im.working, im.idle = true, make(chan struct{})
		whenIdle(im.work)
	}
}

// work does jobs until there are none.
func (im *images) work() {
	for {
		im.mu.Lock()
		if len(im.jobs) == 0 || im.ctx.Err() != nil {
			im.working, im.jobs = false, nil
			close(im.idle)
			im.mu.Unlock()
			return
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

func (im *images) write(job imageJob) {
	l, start := job.loaded, time.Now()
	if !l.files.settle(im.ctx) {
		im.log.Debug("no image is written: the zone's files have changed since", zoneField(l.Name))
		return
	}
	err := im.dir.Write(im.ctx, image.Header{Sources: l.files.sources(l.File), Report: l.Report}, job.snapshot)
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
