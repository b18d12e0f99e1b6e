package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Completion is the command that prints the completion script of a shell.
type Completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// CompletionHelp shows how the script of a program is used.
func CompletionHelp(program string) string {
	return fmt.Sprintf(`Examples:

    source <(%[1]s completion bash)
    %[1]s completion fish > ~/.config/fish/completions/%[1]s.fish`, program)
}

// Run implements the command.
func (c *Completion) Run(con *Console, ctx *kong.Context) error {
	switch c.Shell {
	case "fish":
		completeFish(con.Out, ctx.Model)
	case "zsh":
		fmt.Fprintln(con.Out, "autoload -Uz compinit bashcompinit\ncompinit\nbashcompinit")
		completeBash(con.Out, ctx.Model)
	default:
		completeBash(con.Out, ctx.Model)
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
	fmt.Fprintf(w, `%[1]s() {
  local word=${COMP_WORDS[COMP_CWORD]} words=%[3]q
  if [ "$COMP_CWORD" -gt 1 ]; then
    case ${COMP_WORDS[1]} in
%[4]s    esac
  fi
  [ "$word" = = ] && word= words=
  case ${COMP_WORDS[COMP_CWORD-1]} in
    %[5]s) words= ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  if [ "$COMP_CWORD" -gt 1 ] && [ ${#COMPREPLY[@]} -eq 0 ]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F %[1]s %[2]s
`, "_"+strings.ReplaceAll(app.Name, "-", "_"), app.Name, strings.Join(names, " ")+" --help", cases.String(), strings.Join(takesValue, "|"))
}

func completeFish(w io.Writer, app *kong.Application) {
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'" }
	for _, command := range app.Children {
		fmt.Fprintf(w, "complete -c %s -n __fish_use_subcommand -f -a %s -d %s\n", app.Name, command.Name, quote(command.Help))
		seen := quote("__fish_seen_subcommand_from " + command.Name)
		for _, f := range command.Flags {
			line := fmt.Sprintf("complete -c %s -n %s -l %s -d %s", app.Name, seen, f.Name, quote(f.Help))
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
				fmt.Fprintf(w, "complete -c %s -n %s -f -a %s\n", app.Name, seen, quote(strings.Join(words, " ")))
			}
		}
	}
}
