package verify

import (
	"fmt"
	"strings"

	"yushan/bench/zonefile"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// name is a name that is shown only if need be; so are the other types here.
type name []byte

func (n name) String() string { return dname.Display(n) }

// shownRDATA is RDATA in presentation form.
type shownRDATA struct {
	rrtype uint16
	rdata  []byte
}

func (s shownRDATA) String() string {
	rr, err := master.RR(master.Record{Owner: dname.Root, Type: s.rrtype, Class: classIN, RDATA: s.rdata})
	if err != nil {
		return fmt.Sprintf(`\# %d %x`, len(s.rdata), s.rdata) // RFC 3597 §5
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}

// shownRecord is a record.
type shownRecord struct {
	owner  []byte
	rrtype uint16
	ttl    uint32
	rdata  []byte
}

func (s shownRecord) String() string {
	return fmt.Sprintf("%s %d %s %s", dname.Display(s.owner), s.ttl, typeName(s.rrtype), shownRDATA{s.rrtype, s.rdata})
}

// shownZoneSet is an RRset of a zone, under a name.
type shownZoneSet struct {
	owner []byte
	set   zonefile.RRset
}

func (s shownZoneSet) String() string {
	text := shownRecord{s.owner, s.set.Type, s.set.MinTTL, s.set.First()}.String()
	if s.set.Len > 1 {
		text += fmt.Sprintf(" and %d more", s.set.Len-1)
	}
	return text
}
