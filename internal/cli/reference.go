package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Reference writes the help of the program and of each subcommand in Markdown. The
// text is as wide as the environment's COLUMNS.
func (p Program) Reference(w io.Writer) error {
	commands := []string{""}
	for _, node := range p.parser(Console{io.Discard, io.Discard}, nil).Model.Children {
		commands = append(commands, node.Name)
	}
	for _, command := range commands {
		var help bytes.Buffer
		if code := p.Run(append(strings.Fields(command), "--help"), Console{&help, &help}); code != ExitOK {
			return fmt.Errorf("%s %s --help: exit %d", p.Name, command, code)
		}
		fmt.Fprintf(w, "\n## %s\n\n```\n%s```\n", strings.TrimSpace(p.Name+" "+command), help.String())
	}
	return nil
}
