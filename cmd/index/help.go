package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"pyindex/internal/config"
	"pyindex/internal/terminal"
	"pyindex/internal/version"
)

// general has the flag and the command that every program has.
type general struct {
	ShowVersion version.Flag `name:"version" short:"V" help:"Print the version."`
	Help        helpCmd      `cmd:"" plain:"" help:"Show the help of the program, or of a command."`
}

type helpCmd struct {
	Command []string `arg:"" optional:"" help:"Command, such as user add."`
}

// Run prints the same as the --help flag of the command.
func (c *helpCmd) Run(parsed *kong.Context) error {
	at := parsed.Model.Node
	for i, word := range c.Command {
		next := slices.IndexFunc(at.Children, func(n *kong.Node) bool { return n.Name == word && n.Type == kong.CommandNode })
		if next < 0 {
			return unknownCommand(at, "index "+strings.Join(c.Command[:i], " "), word)
		}
		at = at.Children[next]
	}
	ctx, err := kong.Trace(parsed.Kong, c.Command)
	if err != nil {
		return err
	}
	return ctx.PrintUsage(false)
}

// unknownCommand returns the error about a word that is no command of at, whose own words are path.
func unknownCommand(at *kong.Node, path, word string) *misuse {
	text := fmt.Sprintf("there is no command %.80q", strings.TrimSpace(path)+" "+word)
	if near := config.Nearest(word, commandsOf(at)); near != "" {
		text += "; did you mean " + near + "?"
	}
	return &misuse{errors.New(text), at}
}

// commandsOf returns the names of the commands below a node.
func commandsOf(at *kong.Node) (names []string) {
	for _, c := range at.Children {
		if !c.Hidden && c.Type == kong.CommandNode {
			names = append(names, c.Name)
		}
	}
	return names
}

// misuse is an error about the command line.
type misuse struct {
	error
	at *kong.Node // the command that was used
}

// misused returns an error of the parser with the command that was used, if it is about the command line.
func misused(err error) error {
	parse, ok := errors.AsType[*kong.ParseError](err)
	if !ok || parse.Context == nil || parse.ExitCode() != kongUsage {
		return err
	}
	at := parse.Context.Selected()
	if at == nil {
		at = parse.Context.Model.Node
	}
	if parse.Context.Error == nil && len(at.Children) > 0 && at.DefaultCmd == nil {
		return &misuse{
			fmt.Errorf("%s needs a command: %s", cmp.Or(at.Path(), "index"), strings.Join(commandsOf(at), ", ")), at,
		}
	}
	if rest, ok := strings.CutPrefix(err.Error(), "unexpected argument "); ok && len(commandsOf(at)) > 0 &&
		at.DefaultCmd == nil {
		word, _, _ := strings.Cut(rest, ", did you mean")
		return unknownCommand(at, at.FullPath(), word)
	}
	if plain := withoutValue(err.Error()); plain != "" {
		return &misuse{errors.New(plain), at}
	}
	return &misuse{err, at}
}

// withoutValue returns the error for a flag that has no value, in plain words, from the parser's own. It is "" for
// another error.
func withoutValue(parser string) string {
	flag, rest, ok := strings.Cut(parser, ": expected ")
	_, got, wants := strings.Cut(rest, " value but got ")
	if !ok || !wants || !strings.HasPrefix(flag, "-") {
		return ""
	}
	if strings.HasPrefix(got, `"EOL"`) {
		return flag + " needs a value"
	}
	if next, _, isFlag := strings.Cut(got, " flag)"); isFlag {
		next, _, _ = strings.Cut(next, " (")
		return fmt.Sprintf("%s needs a value, but %s follows; write %s=%s if that is the value", flag, strings.Trim(next, `"`),
			flag, next)
	}
	return ""
}

// kongUsage is the exit status that kong suggests for errors about the command line.
const kongUsage = 80

// complain prints an error about the command line with the usage of the command. The last line names the command that
// shows more: --help of the command, or of serve for an error about a setting.
func complain(errs io.Writer, err error) {
	m, ok := errors.AsType[*misuse](err)
	if !ok {
		terminal.Complain(errs, err)
		fmt.Fprintln(errs, "Run index serve --help for the settings.")
		return
	}
	terminal.Complain(errs, m.error)
	fmt.Fprintf(errs, "Usage: %s\n", usage(m.at))
	fmt.Fprintf(errs, "Run %s --help for more.\n", m.at.FullPath())
}

// usage returns the synopsis of a command: its words, arguments and required flags.
func usage(n *kong.Node) string {
	words := []string{n.FullPath()}
	for _, p := range n.Positional {
		words = append(words, p.Summary())
	}
	if len(n.Children) > 0 && n.DefaultCmd == nil {
		words = append(words, "<command>")
	}
	for _, f := range n.Flags {
		if f.Required {
			words = append(words, "--"+f.Name+"="+f.FormatPlaceHolder())
		}
	}
	return strings.Join(append(words, "[flags]"), " ")
}
