package stream

import (
	"testing"

	"yushan/internal/fakedns"
)

func TestAnswers(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		s := fakedns.Start(t, transport, fakedns.Good)
		r := against(t, s, 1000).run(t)
		expectAnswered(t, r, 1000)
		if s.Queries() != 1000 || s.Connections() != 3 || r.Connections.Opened != 3 {
			t.Errorf("the server has seen %d queries on %d connections, the client %d: expected 1000 and 3", s.Queries(), s.Connections(), r.Connections.Opened)
		}
	})
}
