package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sync/errgroup"

	"yushan/server/config"
	"yushan/zone"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// Progress is told how far zones are. It is called by several goroutines.
type Progress interface {
	// Read tells how much of a zone's master file has been read. What follows
	// on the last byte, checks and layout, takes longer than the reading.
	Read(name []byte, doneBytes, totalBytes int64)
	// Done tells that the zone has been loaded, or could not be.
	Done(name []byte)
}

// Loaded is what came of reading one zone.
type Loaded struct {
	Name   []byte
	File   string
	Zone   *zone.Zone   // nil if it cannot be served
	Report *zone.Report // nil if Err is set
	Err    error        // the file could not be read at all
	Took   time.Duration

	// What a reload found to differ from the zone in service. The report is about that
	// alone, unless Whole is set; so is that of an image of a zone that was reloaded so.
	Changes zone.Changes

	files   *files
	image   imageUse
	saved   bool // its image has been written, or will be
	damaged bool // it must not be used, not even for a reload to read the files against it
}

// Failure returns why the zone cannot be served, one finding a line, or nil.
func (l *Loaded) Failure() error {
	if l.Zone != nil {
		return nil
	}
	if l.Err != nil {
		cause := l.Err
		if path := (*fs.PathError)(nil); errors.As(cause, &path) {
			cause = path // names the file; what wraps it would do so once more
		}
		return fmt.Errorf("zone %s cannot be read: %w", dname.Display(l.Name), cause)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "zone %s cannot be served: %s in %s", dname.Display(l.Name), count(l.Report.Errors, "error"), l.File)
	for _, f := range l.Report.Findings {
		if f.Severity == zone.Error {
			b.WriteString("\n" + f.String())
		}
	}
	return errors.New(b.String())
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// LoadZone reads one zone; progress may be nil. Only a cancelled ctx leaves both Report and Zone nil
// without the file being at fault.
func LoadZone(ctx context.Context, name []byte, file string, progress Progress) *Loaded {
	start := time.Now()
	l := &Loaded{Name: name, File: file, files: newFiles(), Changes: zone.Changes{Whole: true}}
	opts := master.Options{Open: l.files.open}
	if progress != nil {
		opts.Progress = func(done, total int64) { progress.Read(name, done, total) }
		defer progress.Done(name)
	}
	l.Zone, l.Report, l.Err = zone.Load(ctx, name, file, opts)
	l.Took = time.Since(start)
	return l
}

// reloadZone reads one zone against old, its version in service.
func reloadZone(ctx context.Context, old *Loaded, file string) *Loaded {
	start := time.Now()
	l := &Loaded{Name: old.Name, File: file, files: newFiles()}
	l.Zone, l.Report, l.Changes, l.Err = zone.Reload(ctx, old.Zone, file, master.Options{Open: l.files.open})
	if l.Zone == old.Zone && len(old.files.seen) > 0 { // else the report is of an edit, or of nothing that is in files
		l.Report, l.Changes.Whole = old.Report, old.Changes.Whole
	}
	if l.Zone != nil && wasteful(l.Zone.Stats()) {
		l.Zone = l.Zone.Compact()
	}
	l.Took = time.Since(start)
	return l
}

// differenceFrom is how many records a zone has for a reload to read it by
// difference. Below it, building the zone takes a fraction of a second and a few
// megabytes, and all that there is to say about it is said at each reload.
const differenceFrom = 100_000

// loadZones reads the zones of the configuration, except those that have not
// changed since they were read for before. Zones of before with differenceFrom
// records are read by difference.
func loadZones(ctx context.Context, cfg *config.Config, before map[string]*Loaded, differenceFrom int, images *images, progress Progress) (after []*Loaded, err error) {
	after = make([]*Loaded, len(cfg.Zones))
	g, ctx := errgroup.WithContext(ctx)
	// The reader is parallel itself: this is for many small zones.
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, z := range cfg.Zones {
		if old := before[string(z.Name)]; old != nil && old.File == z.File && old.Zone != nil && !old.damaged && old.files.unchanged() {
			after[i] = old
			continue
		}
		g.Go(func() error {
			switch old := before[string(z.Name)]; {
			case old == nil:
				after[i] = images.load(ctx, z, progress)
			case !old.damaged && old.Zone.Stats().Records >= differenceFrom:
				after[i] = reloadZone(ctx, old, z.File)
			default:
				after[i] = LoadZone(ctx, z.Name, z.File, progress)
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return after, nil
}

// SignedAs says how a zone is signed: "no", "NSEC", "NSEC3" or "NSEC3, opt-out".
func SignedAs(s zone.Stats) string {
	switch {
	case s.Denial == zone.Unsigned:
		return "no"
	case s.OptOut:
		return s.Denial.String() + ", opt-out"
	}
	return s.Denial.String()
}

// maxLoggedWarnings is how many of a zone's warnings are logged one by one. A
// registry has many that it cannot do anything about, and sees them at each
// reload; "yushan check" lists more of them.
const maxLoggedWarnings = 10

// logZone says what came of reading a zone.
func logZone(log *zap.Logger, l *Loaded) {
	logImage(log, l)
	if l.Report != nil {
		logged, warnings := 0, 0
		for _, f := range l.Report.Findings {
			level := zapcore.ErrorLevel
			if f.Severity == zone.Warning {
				if warnings++; warnings > maxLoggedWarnings {
					continue
				}
				level = zapcore.WarnLevel
			}
			logged++
			log.Log(level, f.Message, zoneField(l.Name), zap.String("code", string(f.Code)), zap.String("at", position(f)))
		}
		if more := l.Report.Errors + l.Report.Warnings - logged; more > 0 {
			log.Warn("there are more findings: \"yushan check\" lists them", zoneField(l.Name), zap.Int("more", more))
		}
	}
	if l.Zone == nil {
		return
	}
	s := l.Zone.Stats()
	fields := []zap.Field{zoneField(l.Name), zap.Uint32("serial", l.Zone.Serial()), zap.String("signed", SignedAs(s)),
		zap.Int("records", s.Records), zap.Int("cuts", s.Cuts), zap.Int64("bytes", s.Bytes), zap.Duration("took", l.Took)}
	switch {
	case !l.image.written.IsZero():
		log.Info("zone loaded from its image", append(fields, zap.Time("written", l.image.written))...)
		if !l.Changes.Whole {
			log.Info("the image was made after a reload: of the zone's warnings it has those about what had changed; \"yushan check\" lists all", zoneField(l.Name))
		}
		return
	case l.Changes.Whole:
		log.Info("zone loaded", fields...)
		return
	}
	log.Info("zone changed", append(fields, zap.Int("added", l.Changes.Added), zap.Int("removed", l.Changes.Removed))...)
}

func position(f zone.Finding) string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}
