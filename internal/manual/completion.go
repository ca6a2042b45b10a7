// Package manual generates shell completions and the manual page.
//
// Both are generated from the model of the command line parser, so that they are always up to date.
package manual

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"pyindex/internal/terminal"
)

// Completion prints a completion script for a shell.
type Completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Shell: bash, zsh or fish."`
}

// Run prints the script.
func (c *Completion) Run(s *terminal.Session, parsed *kong.Context) error {
	write := bash
	switch c.Shell {
	case "zsh":
		write = zsh
	case "fish":
		write = fish
	}
	write(s.Out, parsed.Model.Node)
	return nil
}

// each calls f for n and every visible command below it, with the words of the command.
func each(n *kong.Node, path string, f func(path string, n *kong.Node)) {
	f(path, n)
	for _, c := range n.Children {
		if !c.Hidden && c.Type == kong.CommandNode {
			each(c, strings.TrimSpace(path+" "+c.Name), f)
		}
	}
}

// flags returns the flags of a command, including those of its default command.
func flags(n *kong.Node) []*kong.Flag {
	all := n.Flags
	if n.DefaultCmd != nil {
		all = append(all[:len(all):len(all)], n.DefaultCmd.Flags...)
	}
	return all
}

// walk prints shell code that finds the command at the cursor, as the longest sequence of words that is a command.
func walk(w io.Writer, root *kong.Node) {
	fmt.Fprint(w, "  local at= word i\n  for ((i = 1; i < COMP_CWORD; i++)); do\n    word=${COMP_WORDS[i]}\n    case \"${at:+$at }$word\" in\n      ")
	var paths []string
	each(root, "", func(path string, _ *kong.Node) {
		if path != "" {
			paths = append(paths, `"`+path+`"`)
		}
	})
	fmt.Fprint(w, strings.Join(paths, "|")+") at=\"${at:+$at }$word\" ;;\n    esac\n  done\n")
}

// enum returns the values that a flag or an argument accepts; none if it accepts others.
func enum(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return strings.Split(v.Enum, ",")
}

// bash prints a function that completes commands, flags and their values. Settings complete after every command, and
// file names complete the values of other flags.
func bash(w io.Writer, root *kong.Node) {
	fmt.Fprint(w, "_index() {\n")
	walk(w, root)
	fmt.Fprint(w, "  local words=\n  case \"${COMP_WORDS[COMP_CWORD-1]}\" in\n")
	seen := map[string]bool{}
	each(root, "", func(_ string, n *kong.Node) {
		for _, f := range flags(n) {
			if f.IsBool() || seen[f.Name] {
				continue
			}
			seen[f.Name] = true
			fmt.Fprintf(w, "    --%s) words=\"%s\" ;;\n", f.Name, strings.Join(enum(f.Value), " "))
		}
	})
	fmt.Fprint(w, "    *)\n      case \"$at\" in\n")
	each(root, "", func(path string, n *kong.Node) {
		var words []string
		for _, c := range n.Children {
			if !c.Hidden && c.Type == kong.CommandNode {
				words = append(words, c.Name)
			}
		}
		for _, p := range n.Positional {
			words = append(words, enum(p)...)
		}
		if path != "" {
			for _, f := range flags(n) {
				words = append(words, "--"+f.Name)
			}
		}
		fmt.Fprintf(w, "        \"%s\") words=\"%s\" ;;\n", path, strings.Join(words, " "))
	})
	fmt.Fprint(w, "      esac\n      words=\"$words")
	for _, f := range root.Flags {
		fmt.Fprintf(w, " --%s", f.Name)
	}
	fmt.Fprint(w, "\" ;;\n  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"+
		"complete -o default -F _index index\n")
}

// zsh prints the bash completions, which zsh can read.
func zsh(w io.Writer, root *kong.Node) {
	fmt.Fprint(w, "#compdef index\nautoload -U +X bashcompinit && bashcompinit\n")
	bash(w, root)
}

func fish(w io.Writer, root *kong.Node) {
	fmt.Fprint(w, "function __index_at\n  set -l at\n  for word in (commandline -opc)[2..]\n    switch (string join ' ' $at $word)\n      case ")
	each(root, "", func(path string, _ *kong.Node) {
		if path != "" {
			fmt.Fprintf(w, "'%s' ", path)
		}
	})
	fmt.Fprint(w, "\n        set at $at $word\n    end\n  end\n  test \"$at\" = \"$argv[1]\"\nend\n")
	each(root, "", func(path string, n *kong.Node) {
		for _, c := range n.Children {
			if !c.Hidden && c.Type == kong.CommandNode {
				fmt.Fprintf(w, "complete -c index -n '__index_at \"%s\"' -f -a %s -d %s\n", path, c.Name, fishQuote(c.Help))
			}
		}
		for _, p := range n.Positional {
			for _, word := range enum(p) {
				fmt.Fprintf(w, "complete -c index -n '__index_at \"%s\"' -f -a %s\n", path, word)
			}
		}
		at := fmt.Sprintf("-n '__index_at \"%s\"' ", path)
		if path == "" { // settings complete after every command
			at = ""
		}
		for _, f := range flags(n) {
			fmt.Fprintf(w, "complete -c index %s-l %s%s -d %s\n", at, f.Name, fishValues(f), fishQuote(f.Help))
		}
	})
}

// fishValues returns the part of a completion that lists the values of a flag. File names complete values of flags that
// accept any.
func fishValues(f *kong.Flag) string {
	switch {
	case f.IsBool():
		return ""
	case f.Enum == "":
		return " -r"
	}
	return " -x -a " + fishQuote(strings.Join(enum(f.Value), " "))
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
