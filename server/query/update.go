package query

// update answers a message with opcode UPDATE (RFC 2136) for a zone of the
// overlay. It returns false if there is no such zone, or the message came by HTTP:
// RFC 8484 carries queries. No other zone can be updated.
func (e *Engine) update(w *Worker, req *Request, dst []byte) (n int, ok bool) {
	if req.Transport == DoH || !e.overlay.IsUpdate(req.Wire) {
		return 0, false
	}
	n = e.overlay.Update(req.Wire, dst)
	w.counters.count(uint16(dst[3]&0xf), n)
	return n, true
}
