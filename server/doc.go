// Package server turns a configuration into a running process: it binds the
// listeners, gives root up, loads the zones, serves them, reloads without
// losing a query, and stops without losing one.
//
//	config ─► credentials ─► listeners ─► privileges ─► zones ─► query.Engine ─► serve
//	  ▲            ▲                                      ▲           │ atomic store
//	  └────────────┴────────────── SIGHUP ────────────────┘           ▼
//	               └─ files that change, a CA                  listeners' workers
//
// All that can change while the server runs is in [Server]: the engine in
// service, behind an atomic pointer that the listeners' workers load, and under
// one mutex the configuration, the zones and the listeners that belong to it.
//
// # Reload
//
// A reload that cannot be carried out whole changes nothing: a configuration
// with mistakes, or an address that cannot be bound. Zones are the exception.
// One that doesn't load keeps its last good version in service, which is logged
// as an error, and the others go on. Listeners that are in both configurations
// stay open with their sockets; new ones are bound before and serve after the
// new zones are in service; dropped ones answer what they have received.
//
// A zone is read again only if one of its files changed: [files] compares
// device, inode, size and mtime of the master file and all that it includes, as
// they were when they were opened. A file that was changed less than two seconds
// before it was read is always read again, since a later change might not show
// in its mtime.
//
// # Images
//
// With a storage, [images] keeps each zone in a file as it lies in memory. A
// start reads that file, if the zone's files are what they were (by the same
// fingerprints), and else the master file; if that cannot be served, the zone is
// taken from its image and the log says so. Images are written, and zones that came
// from images verified, on a thread of the lowest priority.
//
// A zone of 100,000 records or more is read against its version in service, and
// what does not differ is shared with it ([zone.Reload]), so that a reload takes a tenth of the
// zone's memory, not a multiple of it. What such a reload has to say is about what changed:
// warnings about the rest were logged when that was read. When a sixth of a zone's
// memory has become garbage it is compacted. [Server.Edit] changes a zone without
// its files; such changes last until they are read again.
//
// # Memory
//
// Zones have no pointers, so that the garbage collector need not look through them,
// and memory.go lets garbage grow with what it does look through, not with the zones.
//
// # Credentials
//
// Certificates, the keys of session tickets and what a CA is to be answered are in
// [credentials]. They are read before root is given up. A listener asks at each
// handshake for the certificate that its transport shows, so that changes of files,
// renewals and reloads touch no listener. A bad pair of files leaves the old one
// in service. What is wrong with one is logged once, not every minute.
//
// The challenges of dns-01 lie in an overlay of the engine, beside the zones; see
// server/overlay and tls/acme.
//
// Nothing here is on a query's way, so plain Go with interfaces and logs is
// fine; only [query.Engine] and the listeners' packages are hot.
package server
