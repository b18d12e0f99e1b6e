package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"yushan/bench/contrast"
	"yushan/bench/result"
	"yushan/internal/cli"
)

type compareCommand struct {
	A    string `arg:"" type:"existingfile" help:"JSON of the first run."`
	B    string `arg:"" type:"existingfile" help:"JSON of the second run."`
	HTML string `name:"html" placeholder:"FILE" help:"Write a page with the plots of both runs over each other."`
	Seed uint64 `default:"1" placeholder:"N" help:"What the intervals are drawn with."`
}

func (*compareCommand) Help() string {
	return `Each figure's difference comes with the interval that holds it at 95 % confidence, as far as the parts
of the two runs show how much a figure varies by itself.

Example:

    yushan-bench compare before.json after.json --html difference.html`
}

// Run implements the command.
func (c *compareCommand) Run(con *cli.Console) error {
	a, err := readResult(c.A)
	if err != nil {
		return err
	}
	b, err := readResult(c.B)
	if err != nil {
		return err
	}
	comparison := contrast.Compare(a, b, c.Seed)
	if nameA, nameB := nameOf(c.A, a), nameOf(c.B, b); nameA != nameB {
		comparison.NameA, comparison.NameB = nameA, nameB
	}
	if err := comparison.Text(textTo(con, c.HTML == "-")); err != nil {
		return err
	}
	if c.HTML == "" {
		return nil
	}
	return writeFile(c.HTML, comparison.HTML)
}

// nameOf is what a run is called: by its title, or its file.
func nameOf(path string, r *result.Result) string {
	if r.Title != "" {
		return r.Title
	}
	return strings.TrimSuffix(filepath.Base(path), ".json")
}

func readResult(path string) (*result.Result, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r, err := result.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
