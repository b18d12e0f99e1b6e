package zone

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"yushan/zone/dname"
	"yushan/zone/master"
)

// source makes records out of any bytes: few names that meet each other often,
// types that mean something to the zone, and RDATA that may be anything.
type source struct{ data []byte }

func (s *source) byte() byte {
	if len(s.data) == 0 {
		return 0
	}
	c := s.data[0]
	s.data = s.data[1:]
	return c
}

func (s *source) name() []byte {
	var name []byte
	for n := s.byte() % 4; n > 0; n-- {
		switch c := s.byte(); c % 8 {
		case 0:
			name = append(name, 1, '*')
		case 1:
			name = append(name, 1, c)
		case 2:
			name = append(name, 32)
			for range 32 {
				name = append(name, "0v"[c>>7])
			}
		default:
			name = append(name, 1, 'a'+c%3)
		}
	}
	if s.byte()%16 == 0 {
		return append(name, 0)
	}
	return append(name, 2, 't', 'w', 0)
}

func (s *source) raw() []byte {
	n := min(int(s.byte())%64, len(s.data))
	raw := s.data[:n]
	s.data = s.data[n:]
	return raw
}

func (s *source) record() master.Record {
	types := []uint16{TypeA, TypeAAAA, TypeNS, TypeCNAME, TypeSOA, TypeTXT, TypeDNAME, TypeDS, TypeRRSIG, TypeNSEC, TypeNSEC3, TypeNSEC3PARAM, 15, 33, 65, 17, 65280}
	r := master.Record{Owner: s.name(), Type: types[int(s.byte())%len(types)], TTL: uint32(s.byte() % 3), Class: classIN}
	mode := s.byte()
	if mode == 0 {
		r.RDATA = s.raw()
		return r
	}
	switch r.Type {
	case TypeA:
		r.RDATA = []byte{192, 0, 2, mode}
	case TypeAAAA:
		r.RDATA = append(make([]byte, 15), mode)
	case TypeNSEC:
		r.RDATA = append(s.name(), 0, 1, 0x40)
	case TypeNSEC3:
		r.RDATA = append(append([]byte{1, mode & 1, 0, mode >> 7, 0, 20}, make([]byte, 19)...), mode, 0, 1, 0x40)
	case TypeNSEC3PARAM:
		r.RDATA = []byte{1, 0, 0, mode >> 7, 0}
	default:
		names := namesOf(r.Type)
		r.RDATA = make([]byte, names.skip)
		if r.Type == TypeRRSIG {
			binary.BigEndian.PutUint16(r.RDATA, types[int(s.byte())%len(types)])
		}
		for range names.count {
			r.RDATA = append(r.RDATA, s.name()...)
		}
		if r.Type == TypeSOA {
			r.RDATA = append(r.RDATA, make([]byte, 20)...)
		} else if names.count == 0 {
			r.RDATA = append(r.RDATA, s.raw()...)
		}
	}
	return r
}

func seeds(f *testing.F) {
	f.Add([]byte{})
	r := rand.New(rand.NewPCG(5, 155))
	for range 100 {
		seed := make([]byte, 20+r.IntN(400))
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		f.Add(seed)
	}
}

func apexRecords() []master.Record { return parse("tw.", minimal) }

// Whatever is built, nothing panics, and what a zone says can be built again.
func FuzzBuilder(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := source{data}
		records := apexRecords()
		for len(s.data) > 0 && len(records) < 200 {
			records = append(records, s.record())
		}
		z, report := fromScratch(wire("tw."), records)
		if (z == nil) == report.OK() {
			t.Fatalf("zone %v, %d errors", z != nil, report.Errors)
		}
		if z == nil {
			return
		}
		again, report := fromScratch(z.origin, content(z))
		if again == nil {
			t.Fatalf("the records do not make a zone: %v", report.Findings)
		}
		if d := differ(again, z); d != "" {
			t.Fatal(d)
		}
		var buf [dname.MaxKey + 2]byte
		for _, r := range records {
			if dname.IsSubdomain(r.Owner, z.origin) {
				key := dname.AppendKey(nil, r.Owner, len(z.origin))
				z.Find(key)
				z.Wildcard(key, buf[:0])
				z.NSEC(key, buf[:0])
				z.Addresses(key)
			}
		}
	})
}

// Editing and building come to the same, whatever the records.
func FuzzEdit(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := source{data}
		records := apexRecords()
		for n := s.byte() % 64; len(s.data) > 0 && n > 0; n-- {
			records = append(records, s.record())
		}
		z, _ := fromScratch(wire("tw."), records)
		if z == nil {
			z, _ = fromScratch(wire("tw."), apexRecords())
		}
		for rounds := 0; rounds < 4 && len(s.data) > 0; rounds++ {
			m := model(content(z))
			e := z.Edit()
			malformed := false
			for n := s.byte() % 16; n > 0; n-- {
				switch op := s.byte(); {
				case op%3 == 0 && len(m) > 0:
					r := m[int(s.byte())%len(m)]
					e.Remove(r)
					m.remove(r)
				case op%3 == 1 && len(m) > 0:
					r := m[int(s.byte())%len(m)]
					if r.Type != TypeRRSIG {
						e.RemoveRRset(r.Owner, r.Type)
						m.removeRRset(r.Owner, r.Type)
					}
				default:
					r := s.record()
					e.Add(r)
					if !wellFormed(r.Type, r.RDATA) {
						malformed = malformed || dname.IsSubdomain(r.Owner, z.origin)
						continue
					}
					m.add(r)
				}
			}
			got, report := e.Commit()
			want, wantReport := fromScratch(z.origin, m)
			if (got == nil) != (want == nil || malformed) {
				t.Fatalf("the edit says %v, the build %v", report.Findings, wantReport.Findings)
			}
			if got == nil {
				continue
			}
			if d := differ(got, want); d != "" {
				t.Fatal(d)
			}
			z = got
		}
	})
}
