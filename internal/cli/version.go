package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// Version is the command that says which program this is.
type Version struct{}

// Run implements the command.
func (*Version) Run(con *Console, ctx *kong.Context) error {
	fmt.Fprintf(con.Out, "%s %s, %s, %s/%s\n", ctx.Model.Name, Build(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// Build tells the version from what the Go command has put into the binary.
func Build() string {
	version, revision, changed := "development", "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = " " + s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = " (changed)"
			}
		}
	}
	return version + revision + changed
}
