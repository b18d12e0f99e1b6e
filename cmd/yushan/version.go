package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

// Run implements the command.
func (*versionCommand) Run(con *console) error {
	fmt.Fprintln(con.out, versionText())
	return nil
}

// versionText tells the version from what the Go command has put into the
// binary.
func versionText() string {
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
	return fmt.Sprintf("yushan %s%s%s, %s, %s/%s", version, revision, changed, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
