package cert

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// FilesOptions say where a certificate is.
type FilesOptions struct {
	// Certificate is the path of a PEM file: the server's own certificate, and the
	// intermediate ones after it.
	Certificate string
	// Key is the path of a PEM file with the certificate's private key, unencrypted.
	Key string
	// NextKey is the path of a PEM file with the key of the next certificate, private
	// or public, so that its TLSA record is published before it is used; "": none. See the package
	// tls/tlsa.
	NextKey string
	// ExpiredToo makes [OpenFiles] take a certificate that has expired, for a start at
	// which there is nothing better: clients that don't authenticate don't mind.
	// [Files.Reload] never does.
	ExpiredToo bool
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Errors that [OpenFiles] and [Files.Reload] wrap.
var (
	ErrExpired     = errors.New("expired")
	ErrNotYetValid = errors.New("not yet valid")
	ErrKeyMismatch = errors.New("the private key does not belong to the certificate")
)

// Files is a certificate in files.
type Files struct {
	options FilesOptions
	mu      sync.Mutex // held to reload
	pair    atomic.Pointer[pair]
}

// pair is what the files had in them. It is constant.
type pair struct {
	content     [3][]byte // of certificate, key, next key
	modes       [3]fs.FileMode
	certificate *tls.Certificate // with Leaf
	next        crypto.PublicKey // nil: none
	warnings    []string         // about the content
}

// OpenFiles reads and checks the files. Its errors say which file, and what to do about it.
func OpenFiles(options FilesOptions) (*Files, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	f := &Files{options: options}
	p, err := f.read()
	if err == nil {
		err = p.parse(options)
	}
	if err != nil {
		return nil, err
	}
	f.pair.Store(p)
	f.options.ExpiredToo = false
	return f, nil
}

// Reload reads the files again, and puts them into service if something changed. If
// what is there now is bad, as it is for a moment while somebody replaces one file
// after the other, the old pair stays in service and each call says what is wrong. It
// costs little as long as nothing changes, so it may be called every few seconds.
func (f *Files) Reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.read()
	if err != nil {
		return false, err
	}
	old := f.pair.Load()
	if p.sameContent(old) {
		if p.modes != old.modes {
			p.certificate, p.next, p.warnings = old.certificate, old.next, old.warnings
			f.pair.Store(p)
		}
		return false, nil
	}
	if err := p.parse(f.options); err != nil {
		return false, err
	}
	f.pair.Store(p)
	return true, nil
}

func (p *pair) sameContent(q *pair) bool {
	for i := range p.content {
		if !bytes.Equal(p.content[i], q.content[i]) {
			return false
		}
	}
	return true
}

// Certificate returns the certificate for a handshake; it is the same for all clients.
// One that expires while it is in service stays there: no answer would be worse, and
// clients that don't authenticate (RFC 9539) don't mind. [Files.Warnings] tells.
func (f *Files) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.Current(), nil
}

// Current is the certificate in service.
func (f *Files) Current() *tls.Certificate { return f.pair.Load().certificate }

// NextKey is the public key of the next certificate, nil if none is known or if it is
// in service already.
func (f *Files) NextKey() crypto.PublicKey {
	p := f.pair.Load()
	if p.next == nil || equalKeys(p.next, p.certificate.Leaf.PublicKey) {
		return nil
	}
	return p.next
}

// Warnings are what is doubtful about the files in service, at present: one that
// everybody may read, a certificate that expires soon. Each names its file.
func (f *Files) Warnings() []string {
	p := f.pair.Load()
	var out []string
	for i, path := range []string{f.options.Key, f.options.NextKey} {
		if mode := p.modes[1+i]; mode&othersRead != 0 && (i == 0 || holdsPrivateKey(p.content[2])) {
			out = append(out, fmt.Sprintf("%s: permissions %04o let everybody read the private key (chmod 640 %s, or 600)", path, mode.Perm(), path))
		}
	}
	if text := expiry(p.certificate.Leaf, f.options.Now()); text != "" {
		out = append(out, f.options.Certificate+": "+text)
	}
	return append(out, p.warnings...)
}

// read reads the files as they are.
func (f *Files) read() (*pair, error) {
	p := &pair{}
	for i, path := range []string{f.options.Certificate, f.options.Key, f.options.NextKey} {
		if path == "" && i == 2 {
			continue
		}
		if path == "" {
			return nil, fmt.Errorf("no %s file is named", [...]string{"certificate", "key"}[i])
		}
		var err error
		if p.content[i], p.modes[i], err = readFile(path); err != nil {
			return nil, err
		}
	}
	return p, nil
}
