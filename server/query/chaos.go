package query

import (
	"encoding/binary"
	"slices"

	"yushan/zone/dname"
)

// The names that tell about a server, in class CH (RFC 4892).
var (
	versionNames  = [][]byte{mustName("version.bind."), mustName("version.server.")}
	identityNames = [][]byte{mustName("id.server."), mustName("hostname.bind.")}
)

func mustName(text string) []byte {
	name, err := dname.Parse(text, nil)
	if err != nil {
		panic(err)
	}
	return name
}

// answerChaos tells what the operator wants to be told, and refuses all else.
func (e *Engine) answerChaos(w *Worker) {
	q, m := &w.query, &w.message
	is := func(name []byte) bool { return dname.Equal(name, q.name) }
	text := ""
	switch {
	case slices.ContainsFunc(versionNames, is):
		text = e.version
	case slices.ContainsFunc(identityNames, is):
		text = e.identity
	}
	if text == "" || q.qtype != typeTXT {
		m.rcode = refused
		return
	}
	m.aa = true
	if m.n+2+recordSize+1+len(text) > m.room {
		m.full = true
		return
	}
	b := binary.BigEndian.AppendUint16(m.buf[:m.n], 0xc000|headerSize)
	b = binary.BigEndian.AppendUint16(b, typeTXT)
	b = binary.BigEndian.AppendUint16(b, classCH)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(1+len(text)))
	b = append(append(b, byte(len(text))), text...)
	m.n = len(b)
	m.counts[answer]++
}
