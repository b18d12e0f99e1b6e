package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"yushan/server/stream"
	"yushan/zone/dname"
)

// Config is what a server is asked to be. [Default] gives what holds where a
// file says nothing.
type Config struct {
	Identity string // answers id.server and NSID; "" turns both off
	Version  string // answers version.bind; "" turns it off

	Listen []netip.AddrPort // for UDP and TCP, where these have no list of their own
	UDP    UDP
	TCP    TCP

	DoT DoT
	DoH DoH
	DoQ DoQ

	Certificates []Certificate
	Tickets      Tickets
	ACME         ACME

	User  string // to become once the ports are bound; "" stays
	Group string // "" is the user's own group

	Log Log

	// Storage is the directory for what the server keeps for its next start: images of
	// zones. "" keeps nothing. Absolute, or relative to the working directory.
	Storage string

	ZoneDirectory string // absolute, or relative to the working directory
	Zones         []Zone

	path   string // where it was read from, for messages
	places map[string]place
}

// MaxWorkers is the largest UDP.Workers.
const MaxWorkers = 1024

// UDP configures the listeners of RFC 1035 §4.2.1.
type UDP struct {
	Listen   []netip.AddrPort // nil: Config.Listen; empty: none
	Workers  int              // sockets and threads an address, at most MaxWorkers; 0: GOMAXPROCS
	MaxBytes int              // largest answer, and the size that OPT announces
}

// TCP configures the listeners of RFC 7766.
type TCP struct {
	Listen []netip.AddrPort // nil: Config.Listen; empty: none
	Limits stream.Limits
}

// Log configures what the server says about itself.
type Log struct {
	Level  string // debug, info, warn, error
	Format string // auto, console, json
}

// Zone names one zone and its master file.
type Zone struct {
	Name []byte // wire format, lower case
	File string // absolute, or relative to the working directory

	at, fileAt place
	key        string // zones[1], or what the command line said
}

// Default returns the configuration of an empty file.
func Default() *Config {
	return &Config{
		Listen: []netip.AddrPort{
			netip.AddrPortFrom(netip.IPv4Unspecified(), 53),
			netip.AddrPortFrom(netip.IPv6Unspecified(), 53),
		},
		UDP:           UDP{MaxBytes: 1232}, // RFC 9715 §3.1, DNS Flag Day 2020
		TCP:           TCP{Limits: defaultLimits()},
		DoT:           defaultDoT(),
		DoH:           defaultDoH(),
		DoQ:           defaultDoQ(),
		Tickets:       Tickets{Rotation: 12 * time.Hour},
		ACME:          defaultACME(),
		Log:           Log{Level: "info", Format: "auto"},
		ZoneDirectory: ".",
	}
}

func defaultLimits() stream.Limits {
	return stream.Limits{
		MaxConns:         10_000,
		MaxFrameBytes:    4096,
		MaxPendingBytes:  64 << 20,
		IdleTimeout:      10 * time.Second, // RFC 7766 §6.2.3
		FrameTimeout:     3 * time.Second,
		WriteTimeout:     10 * time.Second,
		HandshakeTimeout: 3 * time.Second,
	}
}

// Load reads the configuration in the file path and checks it, with the files
// and users that it names. An error that isn't [Problems] says that the file
// could not be read. See [Config.Servable] for what is tolerated.
func Load(path string) (*Config, error) {
	cfg, problems, err := Read(path)
	if err != nil {
		return nil, err
	}
	if problems = cfg.Servable(problems); len(problems) > 0 {
		return nil, problems
	}
	return cfg, nil
}

// Servable returns those of the configuration's problems that are in the way of
// serving by it. With a storage, files of zones that cannot be read are none: the
// zones' last images may be served.
func (c *Config) Servable(ps Problems) Problems {
	if c == nil || c.Storage == "" || len(ps) >= maxProblems { // there may be more
		return ps
	}
	return slices.DeleteFunc(slices.Clone(ps), func(p *Problem) bool { return p.zoneFile })
}

// Read is [Load] that gives what could be read of a configuration with
// problems, for those who look for more of them. It may be nil.
func Read(path string) (*Config, Problems, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	cfg, problems := Parse(path, text)
	if cfg != nil {
		problems = append(problems, cfg.Check()...)
		problems.sort()
	}
	return cfg, problems, nil
}

// UDPListen returns the addresses to serve UDP on.
func (c *Config) UDPListen() []netip.AddrPort { return orElse(c.UDP.Listen, c.Listen) }

// TCPListen returns the addresses to serve TCP on.
func (c *Config) TCPListen() []netip.AddrPort { return orElse(c.TCP.Listen, c.Listen) }

func orElse(own, common []netip.AddrPort) []netip.AddrPort {
	if own != nil {
		return own
	}
	return common
}

// AddZone adds a zone that the command line asked for as text, "tw=FILE".
func (c *Config) AddZone(text string) error {
	name, file, err := SplitZone(text)
	if err != nil {
		return err
	}
	c.Zones = append(c.Zones, Zone{Name: name, File: file, key: "--zone " + text})
	return nil
}

// SplitZone reads ORIGIN=FILE, the command line's way to name a zone. ORIGIN may
// be written with A-labels or U-labels; "." is the root.
func SplitZone(text string) (name []byte, file string, err error) {
	for i := range len(text) {
		if text[i] != '=' {
			continue
		}
		if text[i+1:] == "" {
			break
		}
		if name, err = dname.ParseFQDN(text[:i]); err != nil {
			return nil, "", fmt.Errorf("%q is not a name of a zone: %w", text[:i], err)
		}
		dname.Lower(name)
		return name, text[i+1:], nil
	}
	return nil, "", fmt.Errorf(`expected ORIGIN=FILE, such as "tw=tw.zone", found %q`, text)
}

// Problem tells of an error that the value of a key, certificates[0] or
// tickets.secret-file, has led to.
func (c *Config) Problem(key string, err error) *Problem {
	at := c.places[key]
	return &Problem{File: c.path, Line: at.line, Column: at.column, Key: key, Message: err.Error()}
}

// Check finds what one value alone doesn't show: zones that are there twice,
// files that cannot be read, users that don't exist, nothing to listen on.
func (c *Config) Check() Problems {
	var ps Problems
	first := map[string]*Zone{}
	for i := range c.Zones {
		z := &c.Zones[i]
		if len(z.Name) > 0 {
			if other := first[string(z.Name)]; other != nil {
				ps.add(z.file(c.path), z.at, z.keyOf("name"), "zone %s is there twice, first %s", dname.Display(z.Name), other.origin(c.path))
			} else {
				first[string(z.Name)] = z
			}
		}
		if z.File != "" {
			if err := checkFile(z.File); err != nil {
				ps.add(z.file(c.path), z.fileAt, z.keyOf("file"), "%v", err).zoneFile = true
			}
		}
	}
	if len(c.UDPListen()) == 0 && len(c.TCPListen()) == 0 {
		ps.add(c.path, c.places["listen"], "listen", "there is no address to listen on")
	}
	if info, err := os.Stat(c.Storage); c.Storage != "" && err == nil && !info.IsDir() {
		ps.add(c.path, c.places["storage"], "storage", "%s is a file, expected a directory", c.Storage)
	}
	c.checkListeners(&ps)
	c.checkCertificates(&ps)
	if _, err := c.IDs(); err != nil {
		key := "user"
		if c.User == "" || strings.HasPrefix(err.Error(), "there is no group") {
			key = "group"
		}
		ps.add(c.path, c.places[key], key, "%v", err)
	}
	return ps
}

// Readable tells whether the master file is there.
func (z *Zone) Readable() bool { return z.File != "" && checkFile(z.File) == nil }

func (z *Zone) origin(path string) string {
	if z.at.line > 0 {
		return fmt.Sprintf("at %s:%d", path, z.at.line)
	}
	return "by " + z.key
}

// file is the file to name in a message about the zone.
func (z *Zone) file(path string) string {
	if z.at.line == 0 && z.fileAt.line == 0 {
		return ""
	}
	return path
}

func (z *Zone) keyOf(part string) string {
	if strings.HasPrefix(z.key, "--") {
		return z.key
	}
	return z.key + "." + part
}

func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s", path)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a directory, expected a master file", path)
	}
	return nil
}

// IDs are the numeric user and groups to run as.
type IDs struct {
	UID, GID int
	Groups   []int
}

// IDs looks User and Group up. The result is nil when there is nobody to become.
func (c *Config) IDs() (*IDs, error) {
	if c.User == "" {
		if c.Group != "" {
			return nil, fmt.Errorf("group %q without a user to become", c.Group)
		}
		return nil, nil
	}
	u, err := user.Lookup(c.User)
	if err != nil {
		if u, err = user.LookupId(c.User); err != nil {
			return nil, fmt.Errorf("there is no user %q", c.User)
		}
	}
	gid := u.Gid
	if c.Group != "" {
		g, err := user.LookupGroup(c.Group)
		if err != nil {
			if g, err = user.LookupGroupId(c.Group); err != nil {
				return nil, fmt.Errorf("there is no group %q", c.Group)
			}
		}
		gid = g.Gid
	}
	ids := &IDs{}
	if ids.UID, err = strconv.Atoi(u.Uid); err != nil {
		return nil, err
	}
	if ids.GID, err = strconv.Atoi(gid); err != nil {
		return nil, err
	}
	ids.Groups = []int{ids.GID}
	return ids, nil
}

// resolve makes the paths of a file at path usable from the working directory.
func (c *Config) resolve() {
	dir := filepath.Dir(c.path)
	join := func(base, path string) string {
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(base, path)
	}
	c.ZoneDirectory = join(dir, c.ZoneDirectory)
	for i := range c.Zones {
		if f := &c.Zones[i].File; *f != "" {
			*f = join(c.ZoneDirectory, *f)
		}
	}
	for _, f := range c.otherFiles() {
		if *f != "" {
			*f = join(dir, *f)
		}
	}
}

// otherFiles are the paths that are relative to the configuration itself.
func (c *Config) otherFiles() (files []*string) {
	for i := range c.Certificates {
		cert := &c.Certificates[i]
		files = append(files, &cert.CertificateFile, &cert.KeyFile, &cert.NextKeyFile)
	}
	for i := range c.ACME.Keys {
		files = append(files, &c.ACME.Keys[i].SecretFile)
	}
	return append(files, &c.Tickets.SecretFile, &c.ACME.CAFile, &c.ACME.Storage, &c.Storage)
}

// SameZones tells whether both configurations name the same zones and files.
func (c *Config) SameZones(o *Config) bool {
	return slices.EqualFunc(c.Zones, o.Zones, func(a, b Zone) bool {
		return string(a.Name) == string(b.Name) && a.File == b.File
	})
}
