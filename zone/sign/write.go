package sign

import (
	"bufio"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"
)

// WriteFile writes records to a master file, one a line, in the order in which
// they come: [Stream] brings them in canonical order with the SOA record first.
// The file appears, or takes the place of an older one, in one step and only
// when all of it is on the disk; an error in the sequence, or in writing,
// leaves what was there.
func WriteFile(path string, records iter.Seq2[dns.RR, error]) (err error) {
	// In the same directory, since a rename is atomic within one file system only.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write zone: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 1<<16)
	for rr, err := range records {
		if err != nil {
			return err
		}
		if _, err := w.WriteString(presentation(rr)); err != nil {
			return fmt.Errorf("write zone: %w", err)
		}
		w.WriteByte('\n') // its error stays in w
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write zone: %w", err)
	}
	if err := f.Chmod(0o644); err != nil {
		return fmt.Errorf("write zone: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write zone: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write zone: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write zone: %w", err)
	}
	return nil
}

// presentation is rr as a line of a master file that the parsers of other
// servers take, older ones too. Knot knows the class IN but not CLASS1, as
// miekg/dns has it. Of "dohpath" (RFC 9461 §5) and "key7", Knot 3.2 reads only the
// second, miekg/dns only the first; both read the form of RFC 3597 §5.
func presentation(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.SVCB:
		return presentationSVCB(rr, rr.Value)
	case *dns.HTTPS:
		return presentationSVCB(rr, rr.Value)
	case *dns.RFC3597:
		return strings.Replace(rr.String(), "\tCLASS1\t", "\tIN\t", 1)
	}
	return rr.String()
}

// presentationSVCB writes what is newer than RFC 9460 in the generic form.
func presentationSVCB(rr dns.RR, params []dns.SVCBKeyValue) string {
	for _, param := range params {
		if param.Key() > dns.SVCB_IPV6HINT {
			var generic dns.RFC3597
			if err := generic.ToRFC3597(rr); err == nil {
				return presentation(&generic)
			}
		}
	}
	return rr.String()
}

// Records is the sequence of rrs, for [WriteFile].
func Records(rrs []dns.RR) iter.Seq2[dns.RR, error] {
	return func(yield func(dns.RR, error) bool) {
		for _, rr := range rrs {
			if !yield(rr, nil) {
				return
			}
		}
	}
}
