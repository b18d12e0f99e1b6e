package main

import (
	"os"

	"yushan/internal/cli"
)

type grammar struct {
	Compare compareCommand `cmd:"" default:"withargs" help:"Run the comparison: every row of the table, and a report of it."`
	Report  reportCommand  `cmd:"" help:"Write the report of a comparison again, from its JSON."`
	Rows    rowsCommand    `cmd:"" help:"List the rows."`
	Echo    echoCommand    `cmd:"" hidden:"" help:"Send queries back as they came."`
}

func program() cli.Program {
	return cli.Program{
		Name:        "bench/compare",
		Description: "Compares yushan with NSD, Knot, BIND and CoreDNS on this machine: CPU time a query on each transport, handshakes, load, memory, growth.",
		Grammar:     new(grammar),
	}
}

func main() {
	os.Exit(program().Run(os.Args[1:], cli.Console{Out: os.Stdout, Err: os.Stderr}))
}
