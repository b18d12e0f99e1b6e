// Yushan is an authoritative DNS server for top-level domains.
//
// This command is thin: it reads flags, calls the packages that do the work,
// and prints what came of it. Each subcommand is a file of its own.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.uber.org/zap"

	"yushan/internal/cli"
	"yushan/internal/terminal"
	"yushan/server"
)

// commands is the command line, in the order of the help.
type commands struct {
	Lab        labCommand        `cmd:"" help:"Serve the example zones on this machine, and say what to ask them."`
	Serve      serveCommand      `cmd:"" help:"Serve zones."`
	Check      checkCommand      `cmd:"" help:"Say all that is wrong with a configuration or with zones."`
	Sign       signCommand       `cmd:"" help:"Sign a zone with DNSSEC."`
	TLSA       tlsaCommand       `cmd:"" name:"tlsa" help:"Print the TLSA records of a configuration's encrypted listeners."`
	SVCB       svcbCommand       `cmd:"" name:"svcb" help:"Print the SVCB records of a configuration's encrypted listeners."`
	Version    cli.Version       `cmd:"" help:"Say which yushan this is."`
	Completion completionCommand `cmd:"" help:"Print the completion script of a shell."`
}

const description = `Yushan serves DNS zones of top-level domains, names in Chinese among them.

Try "yushan lab" first: it needs no configuration, no files and no rights.`

func main() {
	os.Exit(program().Run(os.Args[1:], cli.Console{Out: os.Stdout, Err: os.Stderr}))
}

func program() cli.Program {
	return cli.Program{Name: "yushan", Description: description, Grammar: &commands{}}
}

type completionCommand struct{ cli.Completion }

func (*completionCommand) Help() string { return cli.CompletionHelp("yushan") }

// logFlags are the flags of commands that log.
type logFlags struct {
	LogLevel  logLevel  `placeholder:"LEVEL" help:"Least severity to log: debug, info, warn or error."`
	LogFormat logFormat `placeholder:"FORMAT" help:"How to log: console, json, or auto, which is console on a terminal and json elsewhere."`
}

// logLevel and logFormat are empty when the flag isn't given.
type (
	logLevel  string
	logFormat string
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *logLevel) UnmarshalText(text []byte) error {
	*l = logLevel(text)
	return oneOf(string(text), "debug", "info", "warn", "error")
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *logFormat) UnmarshalText(text []byte) error {
	*f = logFormat(text)
	return oneOf(string(text), "auto", "console", "json")
}

// logStyle is how a log of that format is written to w; auto is console on terminals.
func logStyle(w io.Writer, format string) server.LogStyle {
	switch {
	case format == "json" || format == "auto" && !terminal.Is(w):
		return server.JSON
	case terminal.Colour(w):
		return server.ColourConsole
	}
	return server.Console
}

func oneOf(text string, accepted ...string) error {
	if slices.Contains(accepted, text) {
		return nil
	}
	return fmt.Errorf("expected one of %s, found %q", strings.Join(accepted, ", "), text)
}

func atomicLevel(name string) (zap.AtomicLevel, error) {
	return zap.ParseAtomicLevel(name)
}
