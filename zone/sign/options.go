package sign

import (
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
)

// Denial is how a signed zone proves that something does not exist.
type Denial int

const (
	NSEC  Denial = iota // RFC 4034 §4: the names themselves are chained
	NSEC3               // RFC 5155: hashes of the names are chained
)

func (d Denial) String() string {
	switch d {
	case NSEC:
		return "NSEC"
	case NSEC3:
		return "NSEC3"
	}
	return fmt.Sprintf("Denial(%d)", int(d))
}

// Defaults of [Options].
const (
	DefaultInceptionOffset = time.Hour           // before now, for clocks that are slow
	DefaultValidity        = 14 * 24 * time.Hour // from now
)

// Errors that a caller may want to tell apart.
var (
	ErrNoKeys      = errors.New("no key to sign with")
	ErrNSEC3Params = errors.New("NSEC3 iterations other than 0 and salts other than the empty one are against RFC 9276 §3.1")
)

// maxIterations is RFC 5155 §10.3's limit for the longest keys.
const maxIterations = 2500

// Options say how to sign. Keys is required; the zero value of all else is good
// practice today.
type Options struct {
	// Keys sign the zone. For each algorithm among them: where there are both
	// keys with and without the SEP flag, those with it (KSK) sign DNSKEY, CDS
	// and CDNSKEY and the others (ZSK) sign the rest; else all sign all (CSK).
	Keys []*Key

	Denial Denial
	// OptOut leaves delegations without DS out of the NSEC3 chain (RFC 5155 §6).
	OptOut bool
	// Iterations and Salt (hexadecimal) must stay 0 and empty (RFC 9276 §3.1)
	// unless LegacyNSEC3 is set.
	Iterations  uint16
	Salt        string
	LegacyNSEC3 bool

	// Inception and Expiration bound the validity of all signatures. Zero
	// times stand for DefaultInceptionOffset before and DefaultValidity after now.
	Inception, Expiration time.Time

	// DNSKEYTTL is in seconds; 0 means the TTL of the DNSKEY RRset in the
	// input if there is one, else that of the SOA record.
	DNSKEYTTL uint32

	// Workers is the number of goroutines that sign; 0 means GOMAXPROCS.
	Workers int

	// Progress, if not nil, is told now and then how many of all owner names
	// are done. It is called by the goroutine that asked for the signing.
	Progress func(done, total int)
}

// complete fills in the defaults and refuses what contradicts itself.
func (o *Options) complete(now time.Time) error {
	if len(o.Keys) == 0 {
		return ErrNoKeys
	}
	if o.Denial != NSEC && o.Denial != NSEC3 {
		return fmt.Errorf("unknown kind of denial %d", int(o.Denial))
	}
	if o.Denial == NSEC && (o.OptOut || o.Iterations != 0 || o.Salt != "") {
		return errors.New("opt-out, iterations and salt belong to NSEC3, not to NSEC")
	}
	if o.Salt == "-" {
		o.Salt = ""
	}
	if salt, err := hex.DecodeString(o.Salt); err != nil || len(salt) > 255 {
		return fmt.Errorf("salt %q is not at most 255 bytes in hexadecimal", o.Salt)
	}
	o.Salt = strings.ToUpper(o.Salt)
	if (o.Iterations != 0 || o.Salt != "") && !o.LegacyNSEC3 {
		return ErrNSEC3Params
	}
	if o.Iterations > maxIterations {
		return fmt.Errorf("%d NSEC3 iterations are more than the %d of RFC 5155 §10.3", o.Iterations, maxIterations)
	}
	if o.Inception.IsZero() {
		o.Inception = now.Add(-DefaultInceptionOffset)
	}
	if o.Expiration.IsZero() {
		o.Expiration = now.Add(DefaultValidity)
	}
	if !o.Inception.Before(o.Expiration) {
		return fmt.Errorf("signatures would expire (%v) before they are valid (%v)", o.Expiration, o.Inception)
	}
	// RFC 4034 §3.1.5: both are compared by serial arithmetic (RFC 1982).
	if o.Expiration.Sub(o.Inception) >= 1<<31*time.Second {
		return errors.New("signatures cannot be valid for more than 68 years")
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return nil
}
