package master

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Defaults of [Options].
const (
	DefaultMaxErrors = 100
	defaultChunk     = 256 << 10 // bytes: text, wire and records of a chunk stay in a core's own cache
)

// Limits that keep a broken file from being taken for one endless record.
const (
	maxRecordText   = 4 << 20 // bytes of text that one record may take
	maxIncludeDepth = 16
	maxGenerate     = 1 << 24 // records that one $GENERATE may make
	maxFiles        = 1 << 16 // Record.File has 16 bits
)

// Options say how to read a master file. The zero value reads absolute names
// only, with a TTL in the file, from the file system.
type Options struct {
	// Origin is the initial origin in wire format. Without it relative names
	// are errors until the first $ORIGIN.
	Origin []byte
	// Name is how messages name the top file; "" means its path.
	Name string
	// Open opens a file by its path. The path of an $INCLUDE is relative to the
	// file that includes it. Nil means the file system. If what it returns has
	// a Stat method as fs.File has, the size is used to show progress.
	Open func(path string) (io.ReadCloser, error)
	// MaxErrors is the number of errors after which reading stops; 0 means 100.
	MaxErrors int
	// Workers is the number of goroutines that parse; 0 means GOMAXPROCS.
	Workers int
	// DefaultTTL, in seconds, is the TTL of records for which neither they, nor
	// $TTL, nor an earlier record gives one. If it is 0 too they are errors.
	DefaultTTL uint32
	// Progress is called now and then with the bytes parsed so far and the size
	// of all files opened so far, from several goroutines but never at the same
	// time. The size is 0 if it isn't known.
	Progress func(doneBytes, totalBytes int64)

	chunkBytes  int // of text that a worker gets at once; for tests
	maxGenerate int // for tests
}

// A Record is one resource record. Its slices are valid until deliver returns,
// may be shared between records, and must not be written to.
type Record struct {
	Owner        []byte // wire format, case as written
	RDATA        []byte // wire format, uncompressed, case of names as written
	TTL          uint32 // seconds
	Type, Class  uint16
	File         uint16 // index into Result.Files
	Line, Column uint32 // where the record begins, from 1; columns count characters
}

// A Batch is a run of records in file order. The batches of a Read are numbered
// from 0 without gaps; a batch may be empty.
type Batch struct {
	Seq     int
	Records []Record
}

// A Result says what was read.
type Result struct {
	Files   []string // names as used in messages; the top file first
	Bytes   int64    // of text
	Records int64
}

// Read reads the master file at path and all that it includes, and hands its
// records to deliver, which is called from several goroutines at once and in any
// order. It may keep nothing of the batch.
//
// Errors in the text don't end the reading: it goes on with the next record, and
// all are returned together as [Errors], in the order of the text. Records on
// which there is an error are not delivered, the others are. Any other error
// means that the file could not be read, or that ctx was cancelled.
func Read(ctx context.Context, path string, opts Options, deliver func(*Batch)) (Result, error) {
	if opts.MaxErrors <= 0 {
		opts.MaxErrors = DefaultMaxErrors
	}
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	if opts.chunkBytes <= 0 {
		opts.chunkBytes = defaultChunk
	}
	if opts.maxGenerate <= 0 {
		opts.maxGenerate = maxGenerate
	}
	if opts.Name == "" {
		opts.Name = path
	}
	if opts.Open == nil {
		opts.Open = func(path string) (io.ReadCloser, error) { return os.Open(path) }
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &reader{ctx: ctx, opts: opts, deliver: deliver, chunks: make(chan *chunk, opts.Workers)}

	var workers sync.WaitGroup
	for range opts.Workers {
		workers.Go(func() {
			w := newParser(r)
			for c := range r.chunks {
				w.work(c)
			}
		})
	}
	s := newSplitter(r)
	err := s.readTop(path)
	close(r.chunks)
	workers.Wait()

	result := Result{Files: s.files, Bytes: r.read.Load(), Records: r.records.Load()}
	if opts.Progress != nil && err == nil {
		opts.Progress(result.Bytes, result.Bytes)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return result, fmt.Errorf("reading %s: %w", opts.Name, err)
	}
	if errs := r.sortedErrors(); len(errs) > 0 {
		return result, errs
	}
	return result, nil
}

// reader is what splitter and workers of one Read share.
type reader struct {
	ctx     context.Context
	opts    Options
	deliver func(*Batch)
	chunks  chan *chunk

	records atomic.Int64
	read    atomic.Int64 // bytes of text read
	bytes   atomic.Int64 // of chunks that are done
	total   atomic.Int64 // of files opened
	full    atomic.Bool  // MaxErrors is reached

	mu     sync.Mutex // guards what follows
	errors []located
	shown  int64 // bytes last told to Progress
}

// located is an error with its place in the order of the text.
type located struct {
	seq int
	err *Error
}

// report keeps the errors of chunk seq. As chunks are handed out in order, all
// that comes before the chunk that fills the quota is worked on as well.
func (r *reader) report(seq int, errs []*Error) {
	if len(errs) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range errs {
		r.errors = append(r.errors, located{seq, e})
	}
	if len(r.errors) >= r.opts.MaxErrors {
		r.full.Store(true)
	}
}

func (r *reader) sortedErrors() Errors {
	slices.SortStableFunc(r.errors, func(a, b located) int { return cmp.Compare(a.seq, b.seq) })
	var errs Errors
	for _, l := range r.errors {
		if len(errs) == r.opts.MaxErrors {
			break
		}
		errs = append(errs, l.err)
	}
	if r.full.Load() {
		last := errs[len(errs)-1]
		errs = append(errs, &Error{File: last.File, Line: last.Line, Column: last.Column,
			Message: fmt.Sprintf("stopped after %d errors", len(errs))})
	}
	return errs
}

// progress tells that n more bytes are done.
func (r *reader) progress(n int) {
	done := r.bytes.Add(int64(n))
	if r.opts.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if done > r.shown { // another worker may have been faster
		r.shown = done
		r.opts.Progress(done, r.total.Load())
	}
}
