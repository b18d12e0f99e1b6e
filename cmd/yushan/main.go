// Yushan is an authoritative DNS server for top-level domains.
//
// This command is thin: it reads flags, calls the packages that do the work,
// and prints what came of it. Each subcommand is a file of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"go.uber.org/zap"
)

// commands is the command line, in the order of the help.
type commands struct {
	Lab        labCommand        `cmd:"" help:"Serve the example zones on this machine, and say what to ask them."`
	Serve      serveCommand      `cmd:"" help:"Serve zones."`
	Check      checkCommand      `cmd:"" help:"Say all that is wrong with a configuration or with zones."`
	Sign       signCommand       `cmd:"" help:"Sign a zone with DNSSEC."`
	TLSA       tlsaCommand       `cmd:"" name:"tlsa" help:"Print the TLSA records of a configuration's encrypted listeners."`
	SVCB       svcbCommand       `cmd:"" name:"svcb" help:"Print the SVCB records of a configuration's encrypted listeners."`
	Version    versionCommand    `cmd:"" help:"Say which yushan this is."`
	Completion completionCommand `cmd:"" help:"Print the completion script of a shell."`
}

const description = `Yushan serves DNS zones of top-level domains, names in Chinese among them.

Try "yushan lab" first: it needs no configuration, no files and no rights.`

// console is where a command writes. Results go to out; what is said about
// getting them to err.
type console struct {
	out, err io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], console{os.Stdout, os.Stderr}))
}

// Exit codes.
const (
	exitOK    = 0
	exitError = 1 // it didn't work, or what was checked is wrong
	exitUsage = 2 // the command line itself is wrong
)

// usageError is a mistake of the command line that kong cannot see.
type usageError struct{ error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// errFound ends a command that has already printed what is wrong.
var errFound = errors.New("errors were found")

func run(args []string, con console) int {
	args = asIsUsual(args)
	var exit *int
	parser := newParser(&commands{}, con, func(code int) { exit = &code })
	kctx, err := parser.Parse(args)
	if exit != nil { // --help
		return *exit
	}
	if err == nil {
		err = kctx.Run(&con)
	}
	var syntax *kong.ParseError
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(con.err, "yushan: %v\n", usage.error)
		hint(con.err, kctx)
		return exitUsage
	case errors.As(err, &syntax):
		fmt.Fprintf(con.err, "yushan: %v\n", err)
		hint(con.err, syntax.Context)
		return exitUsage
	case errors.Is(err, context.Canceled): // only signals cancel
		fmt.Fprintln(con.err, "yushan: interrupted")
	case !errors.Is(err, errFound):
		fmt.Fprintf(con.err, "yushan: %v\n", err)
	}
	return exitError
}

// asIsUsual understands what other programs call "yushan version" and
// "yushan COMMAND --help".
func asIsUsual(args []string) []string {
	switch {
	case len(args) == 1 && (args[0] == "--version" || args[0] == "-V"):
		return []string{"version"}
	case len(args) > 0 && args[0] == "help":
		return append(args[1:len(args):len(args)], "--help")
	}
	return args
}

func hint(w io.Writer, ctx *kong.Context) {
	path := "yushan"
	if ctx != nil && ctx.Selected() != nil {
		path += " " + ctx.Selected().Name
	}
	fmt.Fprintf(w, "\"%s --help\" tells how it is used.\n", path)
}

func newParser(grammar any, con console, exit func(int)) *kong.Kong {
	return kong.Must(grammar,
		kong.Name("yushan"),
		kong.Description(description),
		kong.Writers(con.out, con.err),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.ValueFormatter(func(v *kong.Value) string { return v.Help }),
	)
}

// interruptible returns a context that SIGINT and SIGTERM end, for commands that
// have nothing to finish.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
}

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

func oneOf(text string, accepted ...string) error {
	if slices.Contains(accepted, text) {
		return nil
	}
	return fmt.Errorf("expected one of %s, found %q", strings.Join(accepted, ", "), text)
}

func atomicLevel(name string) (zap.AtomicLevel, error) {
	return zap.ParseAtomicLevel(name)
}
