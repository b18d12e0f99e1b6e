package contender

import (
	"path/filepath"
	"strconv"
	"strings"

	"yushan/bench/versus/outcome"
)

// Ports that an outcome shows, whichever were free when it was measured.
var shownPorts = Ports{DNS: 5300, Secure: 8853, Web: 8443}

// use is how the server is started, for readers: programs without the directories where
// they are on this machine, DIR for that of the comparison, and ports that are the same in
// all configurations.
func (s *Setup) use(p plan, args []string) outcome.Use {
	command := strings.Join(append(append([]string{}, p.env...), bare(args)...), " ")
	if p.before != nil {
		command = strings.Join(bare(p.before), " ") + "\n" + command
	}
	u := outcome.Use{For: s.For, Command: s.redact(command)}
	for _, f := range p.files {
		u.Files = append(u.Files, outcome.File{Name: f.Name, Text: s.redact(f.Text)})
	}
	return u
}

// bare takes the directory of a program away, also behind taskset.
func bare(args []string) []string {
	args = append([]string{}, args...)
	at := 0
	if args[0] == "taskset" {
		at = 3
	}
	args[at] = filepath.Base(args[at])
	return args
}

func (s *Setup) redact(text string) string {
	number := func(port uint16) string { return strconv.Itoa(int(port)) }
	return strings.NewReplacer(s.Root, "DIR", number(s.Ports.DNS), number(shownPorts.DNS),
		number(s.Ports.Secure), number(shownPorts.Secure), number(s.Ports.Web), number(shownPorts.Web)).Replace(text)
}
