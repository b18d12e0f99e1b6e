package verify

// judgeTruncation judges TC: by it a server says that what it must send has no room (RFC
// 2181 §9), so it has to be true.
func (j *judge) judgeTruncation() {
	if !j.truncated {
		return
	}
	if j.stream {
		j.wrong(ruleTC, "TC is set over a stream")
		return
	}
	if j.unknown || len(j.steps) == 0 && len(j.m.wire) > 512 {
		return
	}
	// How much a server sends is its own choice, but 512 bytes it can. If nothing is
	// missing, it has chosen more, and told so by its OPT record.
	limit := 512
	if j.missing == 0 && j.m.opts > 0 {
		limit = max(limit, min(j.q.limit, int(j.m.opt.size)))
	}
	full := len(j.m.wire) + j.missingBytes
	if n := len(j.steps); n > 0 && !j.referring {
		z := j.steps[n-1].zone
		full += j.sizeOf(z, z.Origin(), z.apex, typeNS) // which many servers add
	}
	if full <= limit {
		j.wrong(ruleTC, "TC is set, but all of the answer has room: %d bytes without compression, of %d", full, limit)
	}
}
