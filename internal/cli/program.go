package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Console is where a command writes. Results go to Out; what is said about
// getting them to Err.
type Console struct {
	Out, Err io.Writer
}

// Exit codes.
const (
	ExitOK    = 0
	ExitError = 1 // it didn't work, or what was checked is wrong
	ExitUsage = 2 // the command line itself is wrong
)

// usageError is a mistake of the command line that kong cannot see.
type usageError struct{ error }

// Usagef returns an error that ends a command with ExitUsage.
func Usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// ErrFound ends a command that has already printed what is wrong.
var ErrFound = errors.New("errors were found")

// Program is a command with subcommands.
type Program struct {
	Name        string
	Description string
	Grammar     any // a pointer to the struct that kong fills
}

// Run reads the command line, runs the subcommand, prints errors, and returns the
// exit code. Subcommands are methods Run(*Console) error.
func (p Program) Run(args []string, con Console) int {
	args = asIsUsual(args)
	var exit *int
	parser := p.parser(con, func(code int) { exit = &code })
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
		return ExitOK
	case errors.As(err, &usage):
		fmt.Fprintf(con.Err, "%s: %v\n", p.Name, usage.error)
		p.hint(con.Err, kctx)
		return ExitUsage
	case errors.As(err, &syntax):
		fmt.Fprintf(con.Err, "%s: %v\n", p.Name, err)
		p.hint(con.Err, syntax.Context)
		return ExitUsage
	case errors.Is(err, context.Canceled): // only signals cancel
		fmt.Fprintf(con.Err, "%s: interrupted\n", p.Name)
	case !errors.Is(err, ErrFound):
		fmt.Fprintf(con.Err, "%s: %v\n", p.Name, err)
	}
	return ExitError
}

// asIsUsual understands what other programs call "PROGRAM version" and
// "PROGRAM COMMAND --help".
func asIsUsual(args []string) []string {
	switch {
	case len(args) == 1 && (args[0] == "--version" || args[0] == "-V"):
		return []string{"version"}
	case len(args) > 0 && args[0] == "help":
		return append(args[1:len(args):len(args)], "--help")
	}
	return args
}

func (p Program) hint(w io.Writer, ctx *kong.Context) {
	path := p.Name
	if ctx != nil && ctx.Selected() != nil {
		path += " " + ctx.Selected().Name
	}
	fmt.Fprintf(w, "\"%s --help\" tells how it is used.\n", path)
}

func (p Program) parser(con Console, exit func(int)) *kong.Kong {
	return kong.Must(p.Grammar,
		kong.Name(p.Name),
		kong.Description(p.Description),
		kong.Writers(con.Out, con.Err),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.ValueFormatter(func(v *kong.Value) string { return v.Help }),
	)
}

// Interruptible returns a context that SIGINT and SIGTERM end, for commands that
// have nothing to finish.
func Interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
}
