package interop

// rules are the reviewed differences.
var rules = []rule{}
