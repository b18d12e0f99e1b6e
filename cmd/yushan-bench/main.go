// Yushan-bench loads DNS servers with queries, over every transport, and reports
// what came of them.
//
// This command is thin: it reads flags, calls the packages below bench that do the
// work, and prints what came of it. Each subcommand is a file of its own.
package main

import (
	"os"

	"yushan/internal/cli"
)

// commands is the command line, in the order of the help.
type commands struct {
	Run        runCommand        `cmd:"" help:"Send queries to a server, and report what came of them."`
	Compare    compareCommand    `cmd:"" help:"Tell how two runs differ, and whether by more than noise."`
	Zone       zoneCommand       `cmd:"" help:"Make the zone of a top-level domain that doesn't exist, of any size."`
	Axfr       axfrCommand       `cmd:"" help:"Time zone transfers."`
	Version    cli.Version       `cmd:"" help:"Say which yushan-bench this is."`
	Completion completionCommand `cmd:"" help:"Print the completion script of a shell."`
}

const description = `Yushan-bench measures name servers over UDP, TCP, DoT, DoH and DoQ.

Queries are sent when they are due, whatever the server does: a server that stalls gets them all
the same, and their latencies count from when they were due.`

func main() {
	os.Exit(program().Run(os.Args[1:], cli.Console{Out: os.Stdout, Err: os.Stderr}))
}

func program() cli.Program {
	return cli.Program{Name: "yushan-bench", Description: description, Grammar: &commands{}}
}

type completionCommand struct{ cli.Completion }

func (*completionCommand) Help() string { return cli.CompletionHelp("yushan-bench") }
