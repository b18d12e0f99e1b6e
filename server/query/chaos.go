package query

import (
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
	rdata := append(append(w.scratch[:0], byte(len(text))), text...)
	if !m.putRecord(answer, headerSize, typeTXT, classCH, 0, rdata) {
		m.full = true
	}
}
