package server

import "yushan/zone"

// wasteful tells whether so much of a zone's memory is garbage, left by
// reloads that changed some of it, that it should be compacted. While that is done both
// are in memory: at most 2.2 times what the zone needs.
func wasteful(s zone.Stats) bool { return s.Garbage > s.Bytes/6 }
