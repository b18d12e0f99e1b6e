package main

import (
	"yushan/bench/versus/render"
	"yushan/bench/versus/trial"
	"yushan/internal/cli"
)

type rowsCommand struct{}

// Run implements the command.
func (*rowsCommand) Run(con *cli.Console) error { return render.Rows(con.Out, trial.Rows()) }
