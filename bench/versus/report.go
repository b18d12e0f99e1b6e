package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"yushan/bench/versus/outcome"
	"yushan/bench/versus/render"
	"yushan/internal/cli"
)

type reportCommand struct {
	File string `arg:"" type:"existingfile" help:"JSON of a comparison."`
	Out  string `short:"o" placeholder:"FILE" help:"Where the report goes, without ending; beside the JSON unless told."`
}

// Run implements the command.
func (c *reportCommand) Run(con *cli.Console) error {
	o, err := readOutcome(c.File)
	if err != nil {
		return err
	}
	base := c.Out
	if base == "" {
		base = strings.TrimSuffix(strings.TrimSuffix(c.File, ".tmp"), ".json")
	}
	files, err := report(o, base)
	if err != nil {
		return err
	}
	fmt.Fprintln(con.Out, strings.Join(files, "\n"))
	return nil
}

func readOutcome(path string) (*outcome.Outcome, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	o, err := outcome.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

// report writes JSON, Markdown and pictures, and returns their names.
func report(o *outcome.Outcome, base string) (files []string, err error) {
	put := func(ending string, write func(io.Writer) error) {
		if err == nil {
			files = append(files, base+ending)
			err = replace(base+ending, write)
		}
	}
	put(".json", o.Write)
	pictures := render.Pictures(o)
	for _, p := range pictures {
		put("-"+p.Name+".svg", p.Write)
	}
	put(".md", func(w io.Writer) error { return render.Markdown(w, o, filepath.Base(base), pictures) })
	return files, err
}
