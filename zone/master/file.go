package master

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// errStop ends the splitting after too many errors.
var errStop = errors.New("too many errors")

// A splitter reads files and sends chunks of them to the workers.
type splitter struct {
	r       *reader
	files   []string // by number
	numbers map[string]uint16
	seq     int
	pool    *blockPool
	control *parser // for directives
}

func newSplitter(r *reader) *splitter {
	// In flight: a chunk for each worker, as many waiting, one being cut.
	pool := &blockPool{size: max(r.opts.chunkBytes, len(bom)) + 1, free: make(chan *block, 2*r.opts.Workers+2)}
	return &splitter{r: r, numbers: map[string]uint16{}, pool: pool, control: newParser(r)}
}

// readTop reads the top file and all that it includes.
func (s *splitter) readTop(path string) error {
	f, src, err := s.open(path, s.r.opts.Name)
	if err != nil {
		return err
	}
	defer src.Close()
	f.scope.origin = s.r.opts.Origin
	if err := f.read(src); err != nil && !errors.Is(err, errStop) {
		return err
	}
	return nil
}

// A file is an open file and how far it was split.
type file struct {
	s        *splitter
	path     string
	name     string
	number   uint16
	parent   *file // that includes it; nil for the top
	depth    int
	line     uint32 // of the text that wasn't sent yet
	scope    scope  // there
	before   *chunk // the last one sent
	skipping bool   // in a record that never ended; see cutter.skip
}

func (s *splitter) open(path, name string) (*file, io.ReadCloser, error) {
	number, known := s.numbers[name]
	if !known && len(s.files) == maxFiles {
		return nil, nil, errors.New("too many files")
	}
	src, err := s.r.opts.Open(path)
	if err != nil {
		return nil, nil, err
	}
	if !known {
		number = uint16(len(s.files))
		s.numbers[name] = number
		s.files = append(s.files, name)
	}
	if st, ok := src.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := st.Stat(); err == nil && info.Mode().IsRegular() {
			s.r.total.Add(info.Size())
		}
	}
	return &file{s: s, path: path, name: name, number: number, line: 1}, src, nil
}

var (
	bom      = []byte("\xef\xbb\xbf")
	bomUTF16 = [][]byte{[]byte("\xff\xfe"), []byte("\xfe\xff")}
)

// read splits the file.
func (f *file) read(src io.Reader) error {
	pool := f.s.pool
	var last *block // that tail lies in
	var tail []byte
	for first := true; ; first = false {
		b := pool.get(max(pool.size, 2*len(tail)+2))
		have := copy(b.buf, tail)
		if last != nil {
			last.release()
		}
		last = b
		n, err := io.ReadFull(src, b.buf[have:len(b.buf)-1])
		f.s.r.read.Add(int64(n))
		eof := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !eof {
			b.release()
			return err
		}
		text := b.buf[:have+n]
		if eof && len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, '\n')
		}
		if first {
			text = bytes.TrimPrefix(text, bom)
			for _, mark := range bomUTF16 {
				if bytes.HasPrefix(text, mark) {
					b.release()
					return f.sendError(text, 0, 2, "the file is UTF-16; UTF-8 is expected")
				}
			}
		}
		used, err := f.scan(b, text, eof)
		if err != nil || eof {
			b.release()
			return err
		}
		tail = text[used:]
	}
}

// emit gives a chunk to the workers.
func (f *file) emit(c *chunk) error {
	c.seq, c.file, c.fileName, c.line = f.s.seq, f.number, f.name, f.line
	c.done = make(chan struct{})
	r := f.s.r
	err := r.ctx.Err()
	if r.full.Load() {
		err = errStop
	}
	if err == nil {
		f.s.seq++
		select {
		case r.chunks <- c:
			return nil
		case <-r.ctx.Done():
			err = r.ctx.Err()
		}
	}
	close(c.done)
	if c.block != nil {
		c.block.release()
	}
	return err
}

// sendError sends an error about n bytes at a place in text, which starts at the
// file's current line.
func (f *file) sendError(text []byte, at, n int, message string) error {
	p := f.s.control
	p.start(&chunk{fileName: f.name}, text, f.line)
	p.begin()
	p.fail(at, min(at+n, len(text)), message)
	return f.emit(&chunk{errs: []*Error{p.err}})
}

// directive acts on the directive in text[start:end] of a block.
func (f *file) directive(c *cutter, start, end int) error {
	text := c.text[start:end]
	kind := directiveOf(text)
	if kind != dirOrigin && kind != dirTTL && kind != dirInclude && kind != dirGenerate {
		return nil // the worker reports it
	}
	p := f.s.control
	if kind == dirOrigin || kind == dirTTL {
		p.start(&chunk{fileName: f.name, scope: f.scope}, text, 1)
		p.begin()
		p.directive()
		f.scope = p.scope
		return nil
	}
	if err := c.send(start); err != nil {
		return err
	}
	p.start(&chunk{fileName: f.name, scope: f.scope}, text, f.line)
	p.begin()
	var err error
	if kind == dirInclude {
		err = f.include(p)
	} else {
		err = f.generate(c.block, p)
	}
	c.skipTo(end)
	return err
}

// include reads the file that the $INCLUDE in p's text names (RFC 1035 §5.1).
func (f *file) include(p *parser) error {
	target, at, origin, ok := p.include()
	if !ok {
		return f.emit(&chunk{errs: []*Error{p.err}})
	}
	fail := func(message string) error {
		p.fail(at.start, at.end, message)
		return f.emit(&chunk{errs: []*Error{p.err}})
	}
	path := target
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(f.path), path)
	}
	for up := f; up != nil; up = up.parent {
		if up.path == path {
			return fail(fmt.Sprintf("%s includes itself", quote([]byte(target))))
		}
	}
	if f.depth+1 > maxIncludeDepth {
		return fail(fmt.Sprintf("files include each other more than %d deep", maxIncludeDepth))
	}
	child, src, err := f.s.open(path, path)
	if err != nil {
		return fail(fmt.Sprintf("%s can't be opened: %v", quote([]byte(target)), reasonOf(err)))
	}
	defer src.Close()
	child.parent, child.depth, child.before = f, f.depth+1, f.before
	child.scope = f.scope
	child.scope.origin = origin
	err = child.read(src)
	if err == nil || errors.Is(err, errStop) || f.s.r.ctx.Err() != nil {
		return err
	}
	return fail(fmt.Sprintf("%s can't be read: %v", quote([]byte(target)), reasonOf(err)))
}

// reasonOf returns what went wrong with a file, without the path.
func reasonOf(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
