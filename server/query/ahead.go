package query

import "yushan/zone"

// ReadAhead reads queries before any of them is answered, and looks their names
// up side by side: the time that one waits for memory serves the others. They are
// at most as many as the worker was made for. Each is answered afterwards by
// [Engine.AnswerAhead], of the same engine; until then the worker keeps its bytes,
// which must stay as they are.
//
// When it panics, nothing has been read once [Worker.Reset] was called.
func (e *Engine) ReadAhead(w *Worker, requests []Request) {
	for i := range requests {
		q, l := &w.questions[i], &w.lookups[i]
		e.read(q, &requests[i])
		l.Zone, l.Key = q.zone, q.key
	}
	zone.FindTogether(w.lookups[:len(requests)])
}

// AnswerAhead is [Engine.Answer] for request i of those that were read ahead,
// which is forgotten then.
func (e *Engine) AnswerAhead(w *Worker, i int, req *Request, dst []byte) int {
	w.counters.take(req)
	w.question, w.lookup = &w.questions[i], &w.lookups[i]
	return e.write(w, req, dst)
}

// found returns what the zone has at the question's name.
func (w *Worker) found() zone.Match {
	if w.lookup != nil {
		return w.lookup.Match
	}
	return w.zone.Find(w.key)
}
