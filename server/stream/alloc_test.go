package stream

import (
	"testing"

	"yushan/internal/testengine"
)

// The whole way of a query, over a real connection: alone, pipelined, and in
// halves.
func TestNoAllocationPerQuery(t *testing.T) {
	s := start(t, Limits{})
	c := dial(t, s)
	frame := testengine.Frame(testengine.Query(t, 1))
	c.exchange(1)
	answer := make([]byte, 2)
	c.send(frame)
	if _, err := c.Conn.Read(answer); err != nil {
		t.Fatal(err)
	}
	answer = make([]byte, 2+int(answer[0])<<8+int(answer[1]))
	if _, err := c.Conn.Read(answer[2:]); err != nil {
		t.Fatal(err)
	}
	var many, answers []byte
	for range 50 {
		many = append(many, frame...)
		answers = append(answers, answer...)
	}
	read := func(buf []byte) {
		for len(buf) > 0 {
			n, err := c.Conn.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			buf = buf[n:]
		}
	}
	for _, tt := range []struct {
		name    string
		queries int
		run     func()
	}{
		{"alone", 50, func() {
			for range 50 {
				c.send(frame)
				read(answer)
			}
		}},
		{"pipelined", 50, func() {
			c.send(many)
			read(answers)
		}},
		{"in halves", 50, func() {
			c.send(many[:len(frame)+7])
			read(answer)
			c.send(many[len(frame)+7:])
			read(answers[len(answer):])
		}},
	} {
		// AllocsPerRun counts the whole process: the runtime may have its own now and then.
		if n := testing.AllocsPerRun(50, tt.run); n > 2 {
			t.Errorf("%s: %v allocations for %d queries, expected none", tt.name, n, tt.queries)
		}
	}
}
