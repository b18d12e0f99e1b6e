package testzone

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"yushan/zone/sign"
)

// Zone is the content of a zone.
type Zone struct {
	Origin  string // presentation form, with the final dot
	Signing Signing
	Records []dns.RR
}

// Signing is how a zone is, or is to be, signed.
type Signing int

// The ways to sign a zone.
const (
	Unsigned Signing = iota
	NSEC
	NSEC3
	NSEC3OptOut
	signings
)

func (s Signing) String() string {
	return [...]string{"unsigned", "NSEC", "NSEC3", "NSEC3 opt-out"}[s]
}

// Parse reads the text of a zone. Relative names are below origin.
func Parse(origin, text string) ([]dns.RR, error) {
	parser := dns.NewZoneParser(strings.NewReader(text), origin, "")
	parser.SetDefaultTTL(3600)
	var records []dns.RR
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		records = append(records, rr)
	}
	return records, parser.Err()
}

// MustParse is [Parse] for text that stands in a test.
func MustParse(origin, text string) []dns.RR {
	records, err := Parse(origin, text)
	if err != nil {
		panic(fmt.Sprintf("testzone: %s: %v", origin, err))
	}
	return records
}

// String returns the zone as the text of a master file.
func (z Zone) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "; %s, %s\n", z.Origin, z.Signing)
	for _, rr := range z.Records {
		text.WriteString(rr.String() + "\n")
	}
	return text.String()
}

// MasterLine writes a record so that the Knot of Debian 12 can read it: it doesn't know
// RFC 3597 §5's name for the class, nor RFC 9461's parameter dohpath.
func MasterLine(rr dns.RR) string {
	line := rr.String()
	if strings.Contains(line, "dohpath") {
		var unknown dns.RFC3597
		if err := unknown.ToRFC3597(rr); err != nil {
			panic(fmt.Sprintf("testzone: %s: %v", rr, err))
		}
		unknown.Hdr.Rrtype = rr.Header().Rrtype
		line = unknown.String()
	}
	return strings.ReplaceAll(line, "\tCLASS1\t", "\tIN\t")
}

// Unsigned returns the zone without what a signer adds: what is left is short
// enough to be read.
func (z Zone) Unsigned() Zone {
	plain := Zone{Origin: z.Origin, Signing: z.Signing}
	for _, rr := range z.Records {
		switch rr.Header().Rrtype {
		case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeDNSKEY:
		default:
			plain.Records = append(plain.Records, rr)
		}
	}
	return plain
}

// Keys returns the zone's DNSKEY records.
func (z Zone) Keys() (keys []*dns.DNSKEY) {
	for _, rr := range z.Records {
		if key, ok := rr.(*dns.DNSKEY); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// Sign returns the zone signed in the way that its field Signing says. Keys are
// made once for each origin and process.
func Sign(ctx context.Context, z Zone) (Zone, error) {
	if z.Signing == Unsigned {
		return z, nil
	}
	keys, err := keysOf(z.Origin)
	if err != nil {
		return Zone{}, err
	}
	options := sign.Options{Keys: keys, Workers: 1}
	if z.Signing != NSEC {
		options.Denial = sign.NSEC3
		options.OptOut = z.Signing == NSEC3OptOut
	}
	records, err := sign.Zone(ctx, z.Origin, z.Records, options)
	if err != nil {
		return Zone{}, fmt.Errorf("sign %s: %w", z.Origin, err)
	}
	return Zone{Origin: z.Origin, Signing: z.Signing, Records: records}, nil
}

// SignAll signs each of the zones.
func SignAll(ctx context.Context, zones []Zone) ([]Zone, error) {
	var signed []Zone
	for _, z := range zones {
		z, err := Sign(ctx, z)
		if err != nil {
			return nil, err
		}
		signed = append(signed, z)
	}
	return signed, nil
}

var keyring struct {
	sync.Mutex
	keys map[string][]*sign.Key
}

// keysOf returns the signing key of an origin.
func keysOf(origin string) ([]*sign.Key, error) {
	keyring.Lock()
	defer keyring.Unlock()
	if keyring.keys == nil {
		keyring.keys = map[string][]*sign.Key{}
	}
	if keyring.keys[origin] == nil {
		key, err := sign.GenerateKey(origin, dns.ED25519, true)
		if err != nil {
			return nil, err
		}
		keyring.keys[origin] = []*sign.Key{key}
	}
	return keyring.keys[origin], nil
}
