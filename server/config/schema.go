package config

import (
	"slices"
	"time"

	"yushan/server/stream"
)

// field is one key of the configuration.
type field struct {
	key   string
	value value
	doc   string // what it is for, in whole sentences
	need  bool   // whether it has to be given
}

// object is the keys of one mapping, in the order of the reference.
type object []field

func (o object) find(key string) *field {
	for i := range o {
		if o[i].key == key {
			return &o[i]
		}
	}
	return nil
}

func (o object) keys() []string {
	keys := make([]string, len(o))
	for i := range o {
		keys[i] = o[i].key
	}
	return keys
}

// schema is the whole language of the configuration, bound to c.
func (c *Config) schema() object {
	return slices.Concat(object{
		{key: "identity", value: text(&c.Identity, 255, "ns1.example.tw"),
			doc: "Name of this server among its siblings: answers `id.server.` and `hostname.bind.` (RFC 4892) and NSID (RFC 5001). Not given, these are off."},
		{key: "version", value: text(&c.Version, 255, "yushan"),
			doc: "Answers `version.bind.` and `version.server.`. Not given, these are refused."},
		{key: "listen", value: addresses(&c.Listen, dnsPort),
			doc: "Addresses to serve on, for UDP and TCP alike. Without a port it is 53."},
		{key: "udp", value: section(object{
			{key: "listen", value: addresses(&c.UDP.Listen, dnsPort),
				doc: "Addresses for UDP alone, instead of those of `listen`. An empty list turns UDP off."},
			{key: "workers", value: number(&c.UDP.Workers, 0, MaxWorkers),
				doc: "Sockets and threads for each address. 0 is as many as Go uses processors (GOMAXPROCS): all that this process may run on."},
			{key: "max-bytes", value: size(&c.UDP.MaxBytes, 512, 65507),
				doc: "Largest answer on UDP, and the size that our OPT record announces. Above 1232 bytes answers may be fragmented and lost (RFC 9715)."},
		}), doc: "Queries on UDP."},
		{key: "tcp", value: section(append(object{
			{key: "listen", value: addresses(&c.TCP.Listen, dnsPort),
				doc: "Addresses for TCP alone, instead of those of `listen`. An empty list turns TCP off, which RFC 7766 §5 forbids to a name server on the Internet."},
		}, limits(&c.TCP.Limits)...)), doc: "Queries on TCP."},
	}, c.encrypted(), object{
		{key: "user", value: text(&c.User, 64, "yushan"),
			doc: "User to become once the ports are bound, by name or number. Needs a start as root. Zone files must be readable for that user, and at SIGHUP this file, too; its supplementary groups don't count."},
		{key: "group", value: text(&c.Group, 64, "yushan"),
			doc: "Group to become, instead of the user's own."},
		{key: "log", value: section(object{
			{key: "level", value: oneOf(&c.Log.Level, "debug", "info", "warn", "error"),
				doc: "The least severity that is logged."},
			{key: "format", value: oneOf(&c.Log.Format, "auto", "console", "json"),
				doc: "`console` is for people, `json` for machines; `auto` is `console` on a terminal and `json` elsewhere."},
		}), doc: "What the server says about itself, on standard error."},
		{key: "storage", value: path(&c.Storage),
			doc: "Directory for what the server keeps for its next start, such as `/var/lib/yushan`; it is made if it isn't there. In `images` there each zone lies as it does in memory, so that " +
				"a start takes a tenth of a second instead of seconds, unless one of the zone's files has changed (content, attributes or place: ctime counts) or another build of yushan wrote the image. " +
				"A zone whose file is missing or has mistakes at the start is served from its last image, whoever wrote it, which is logged as an error with the image's age. " +
				"Images of zones that are no longer configured are removed, so each server needs a directory of its own. " +
				"It takes as much room as the zones take memory, twice for a zone that is being written. Not given, nothing is kept."},
		{key: "zone-directory", value: path(&c.ZoneDirectory),
			doc: "Where zone files with relative paths are. It is relative to the directory of the configuration itself."},
		{key: "zones", value: list(&c.Zones, func(z *Zone) object {
			return object{
				{key: "name", value: name(z), need: true,
					doc: "Name of the zone, with A-labels or U-labels: `tw`, `台灣`, `xn--kpry57d`. The root is `.`."},
				{key: "file", value: zoneFile(z), need: true,
					doc: "Its master file (RFC 1035 §5)."},
			}
		}), doc: "The zones to serve."},
	})
}

// limits are the keys of every transport that has connections.
func limits(l *stream.Limits) object {
	const shortest, longest = 100 * time.Millisecond, time.Hour
	return object{
		{key: "max-connections", value: number(&l.MaxConns, 1, 1<<20),
			doc: "Connections at once on an address. Each needs a file descriptor."},
		{key: "max-connections-per-client", value: number(&l.MaxConnsPerClient, 0, 1<<20),
			doc: "Those of them that one IPv4 address, or one IPv6 /64, may have. 0 is a quarter of them."},
		{key: "max-queries-per-connection", value: number(&l.MaxQueries, 0, 1<<30),
			doc: "Queries after which a connection is closed. 0 is no limit."},
		{key: "max-query-bytes", value: size(&l.MaxFrameBytes, 512, 65535),
			doc: "Longest query. A connection that brings a longer one is closed."},
		{key: "max-pending-bytes", value: size(&l.MaxPendingBytes, 1<<16, 1<<40),
			doc: "Memory for answers that slow clients don't take, on an address. When it is used up, slow clients are cut off at once."},
		{key: "idle-timeout", value: duration(&l.IdleTimeout, shortest, longest),
			doc: "How long a connection may stay without a query; less when most connections are in use. Offered to clients that ask for it (RFC 7828)."},
		{key: "query-timeout", value: duration(&l.FrameTimeout, shortest, longest),
			doc: "How long a query may take from its first byte to its last."},
		{key: "write-timeout", value: duration(&l.WriteTimeout, shortest, longest),
			doc: "How long a client may take to read what has been answered."},
	}
}
