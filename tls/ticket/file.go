package ticket

import (
	"bytes"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	maxSecretBytes = 4096
	// minDistinctBytes is what a file must have to pass for random: 32 random bytes have 30, 32 random hexadecimal
	// digits 13 or so.
	minDistinctBytes = 8
	// openBits are the rights that nobody but the owner and his group may have, and
	// writing, which the group may not.
	openBits fs.FileMode = 0o027
)

// FromFile returns keys derived from a file, which all nodes have a copy of: at
// least 32 random bytes, binary or text; white space around text doesn't count. Others
// than its owner and its group must not be able to read it. rotation is as in [Options].
func FromFile(path string, rotation time.Duration) (*Keys, error) {
	return fromFile(path, Options{Rotation: rotation})
}

func fromFile(path string, options Options) (*Keys, error) {
	secret, err := readSecret(path)
	if err != nil {
		return nil, fmt.Errorf("secret of session tickets: %w", err)
	}
	options.Secret = secret
	k := New(options)
	k.path = path
	return k, nil
}

// Reload reads the secret's file again, and reports whether it has another secret.
// Tickets are then made with the new one, and those made with the old one stay
// good for as long as they would have been, if no third secret follows until then. After
// an error all is as before. Without a file it does nothing.
func (k *Keys) Reload() (changed bool, err error) {
	if k.path == "" {
		return false, nil
	}
	secret, err := readSecret(k.path)
	if err != nil {
		return false, fmt.Errorf("secret of session tickets: %w", err)
	}
	root := rootOf(secret)
	k.mu.Lock()
	defer k.mu.Unlock()
	if hmac.Equal(root, k.root) {
		return false, nil
	}
	period := k.period()
	k.retired, k.dropped = k.root, period+3
	k.root = root
	k.live.Store(k.derive(period))
	return true, nil
}

func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path) // before opening: a pipe would block
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&openBits != 0 {
		return nil, fmt.Errorf("%s: permissions %04o are too open: only its owner may change it, and only owner and group read it (chmod 640 %s, or 600)", path, mode, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err != nil {
		return nil, err
	}
	secret, err := secretOf(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return secret, nil
}

// secretOf takes a secret out of a file's content.
func secretOf(content []byte) ([]byte, error) {
	if isText(content) {
		content = bytes.TrimSpace(content)
	}
	switch {
	case len(content) > maxSecretBytes:
		return nil, fmt.Errorf("longer than %d bytes: this is not a secret", maxSecretBytes)
	case len(content) < MinSecretBytes:
		return nil, fmt.Errorf("%d bytes are too short for a secret: expected at least %d, as by: openssl rand -hex 32", len(content), MinSecretBytes)
	}
	var seen [256]bool
	distinct := 0
	for _, c := range content {
		if !seen[c] {
			seen[c] = true
			distinct++
		}
	}
	if distinct < minDistinctBytes {
		return nil, errors.New("these bytes are not random: expected a secret, as by: openssl rand -hex 32")
	}
	return content, nil
}

func isText(content []byte) bool {
	for _, c := range content {
		if (c < ' ' || c > '~') && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}
