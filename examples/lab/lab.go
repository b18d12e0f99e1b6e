package lab

import (
	"context"
	"embed"
	"fmt"
	"io"
	"strings"

	"github.com/miekg/dns"

	"yushan/zone/dname"
	"yushan/zone/master"
	"yushan/zone/sign"
)

// FS holds the master files. taiwan.inc is included by two of them.
//
//go:embed *.zone *.inc
var FS embed.FS

// Denial is how a zone of the lab denies that something exists.
type Denial int

const (
	Unsigned    Denial = iota
	NSEC               // RFC 4034
	NSEC3OptOut        // RFC 5155 §6, with the parameters of RFC 9276
)

func (d Denial) String() string {
	switch d {
	case Unsigned:
		return "unsigned"
	case NSEC:
		return "NSEC"
	case NSEC3OptOut:
		return "NSEC3 opt-out"
	}
	return fmt.Sprintf("Denial(%d)", int(d))
}

// Zone is one zone of the lab.
type Zone struct {
	Origin string // with U-labels, absolute
	File   string // in FS
	Denial Denial
}

// Zones are the zones of the lab. A newcomer finds the same names in the last
// two, with proofs and without.
var Zones = []Zone{
	{"tw.", "tw.zone", NSEC3OptOut},
	{"台灣.", "xn--kpry57d.zone", NSEC},
	{"台湾.", "xn--kprw13d.zone", Unsigned},
}

// Read returns the zone's records, unsigned.
func (z Zone) Read(ctx context.Context) ([]dns.RR, error) {
	opts, err := z.Options()
	if err != nil {
		return nil, err
	}
	return sign.ReadFile(ctx, z.File, opts)
}

// Options say how to read the zone's file.
func (z Zone) Options() (master.Options, error) {
	origin, err := dname.ParseFQDN(z.Origin)
	return master.Options{
		Origin: origin,
		Open:   func(path string) (io.ReadCloser, error) { return FS.Open(path) },
	}, err
}

// Sign returns the zone's records, signed with a new ECDSAP256SHA256 key, and
// that key. For an unsigned zone it returns rrs and no key.
func (z Zone) Sign(ctx context.Context, rrs []dns.RR) ([]dns.RR, *sign.Key, error) {
	if z.Denial == Unsigned {
		return rrs, nil, nil
	}
	key, err := sign.GenerateKey(z.Origin, dns.ECDSAP256SHA256, true)
	if err != nil {
		return nil, nil, err
	}
	opts := sign.Options{Keys: []*sign.Key{key}}
	if z.Denial == NSEC3OptOut {
		opts.Denial, opts.OptOut = sign.NSEC3, true
	}
	signed, err := sign.Zone(ctx, z.Origin, rrs, opts)
	return signed, key, err
}

// Question is a question that the zone's file proposes in a comment.
type Question struct {
	Name  string // absolute, with U-labels
	Type  string
	Shows string // what the answer shows
}

// questionMark begins such a comment.
const questionMark = ";?"

// Questions returns the questions that the zone's file, and what it includes,
// propose.
func (z Zone) Questions() []Question {
	return z.questions(nil, z.File)
}

func (z Zone) questions(questions []Question, file string) []Question {
	text, err := FS.ReadFile(file)
	if err != nil {
		panic(fmt.Sprintf("embedded file %s: %v", file, err)) // cannot be: it is built in
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 2 && fields[0] == "$INCLUDE":
			questions = z.questions(questions, fields[1])
		case len(fields) >= 4 && fields[0] == questionMark:
			questions = append(questions, Question{
				Name:  z.absolute(fields[1]),
				Type:  fields[2],
				Shows: strings.Join(fields[3:], " "),
			})
		}
	}
	return questions
}

func (z Zone) absolute(name string) string {
	switch {
	case name == "@":
		return z.Origin
	case strings.HasSuffix(name, "."):
		return name
	}
	return name + "." + z.Origin
}
