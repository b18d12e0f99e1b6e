package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (*completionCommand) Help() string {
	return `Examples:

    source <(yushan completion bash)
    yushan completion fish > ~/.config/fish/completions/yushan.fish`
}

// Run implements the command.
func (c *completionCommand) Run(con *console, ctx *kong.Context) error {
	switch c.Shell {
	case "fish":
		completeFish(con.out, ctx.Model)
	case "zsh":
		fmt.Fprintln(con.out, "autoload -Uz compinit bashcompinit\ncompinit\nbashcompinit")
		completeBash(con.out, ctx.Model)
	default:
		completeBash(con.out, ctx.Model)
	}
	return nil
}

// completeBash completes commands, then the flags of the command, then files,
// also behind the "=" of --zone ORIGIN=FILE.
func completeBash(w io.Writer, app *kong.Application) {
	var names []string
	takesValue := []string{"="}
	var cases strings.Builder
	for _, command := range app.Children {
		names = append(names, command.Name)
		words := []string{"--help"}
		for _, f := range command.Flags {
			words = append(words, "--"+f.Name)
			if !f.IsBool() {
				takesValue = append(takesValue, "--"+f.Name)
			}
		}
		for _, p := range command.Positional {
			words = append(words, p.EnumSlice()...)
		}
		fmt.Fprintf(&cases, "    %s) words=%q ;;\n", command.Name, strings.Join(words, " "))
	}
	fmt.Fprintf(w, `_yushan() {
  local word=${COMP_WORDS[COMP_CWORD]} words=%q
  if [ "$COMP_CWORD" -gt 1 ]; then
    case ${COMP_WORDS[1]} in
%s    esac
  fi
  [ "$word" = = ] && word= words=
  case ${COMP_WORDS[COMP_CWORD-1]} in
    %s) words= ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  if [ "$COMP_CWORD" -gt 1 ] && [ ${#COMPREPLY[@]} -eq 0 ]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F _yushan yushan
`, strings.Join(names, " ")+" --help", cases.String(), strings.Join(takesValue, "|"))
}

func completeFish(w io.Writer, app *kong.Application) {
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'" }
	for _, command := range app.Children {
		fmt.Fprintf(w, "complete -c yushan -n __fish_use_subcommand -f -a %s -d %s\n", command.Name, quote(command.Help))
		seen := quote("__fish_seen_subcommand_from " + command.Name)
		for _, f := range command.Flags {
			line := fmt.Sprintf("complete -c yushan -n %s -l %s -d %s", seen, f.Name, quote(f.Help))
			if f.Short != 0 {
				line += " -s " + string(f.Short)
			}
			if !f.IsBool() {
				line += " -r"
			}
			fmt.Fprintln(w, line)
		}
		for _, p := range command.Positional {
			if words := p.EnumSlice(); len(words) > 0 {
				fmt.Fprintf(w, "complete -c yushan -n %s -f -a %s\n", seen, quote(strings.Join(words, " ")))
			}
		}
	}
}
