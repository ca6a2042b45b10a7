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

func bash(w io.Writer, root *kong.Node) {
	fmt.Fprint(w, "_index() {\n")
	walk(w, root)
	fmt.Fprint(w, "  local words=\n  case \"$at\" in\n")
	each(root, "", func(path string, n *kong.Node) {
		var words []string
		for _, c := range n.Children {
			if !c.Hidden && c.Type == kong.CommandNode {
				words = append(words, c.Name)
			}
		}
		for _, f := range flags(n) {
			words = append(words, "--"+f.Name)
		}
		fmt.Fprintf(w, "    \"%s\") words=\"%s\" ;;\n", path, strings.Join(words, " "))
	})
	fmt.Fprint(w, "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F _index index\n")
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
		for _, f := range flags(n) {
			fmt.Fprintf(w, "complete -c index -n '__index_at \"%s\"' -l %s -d %s\n", path, f.Name, fishQuote(f.Help))
		}
	})
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
