package manual

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"pyindex/internal/terminal"
	"pyindex/internal/version"
)

// Man prints the manual page of the program.
type Man struct{}

// Run prints the page in troff with the man macros.
func (*Man) Run(s *terminal.Session, parsed *kong.Context) error {
	page(s.Out, parsed.Model)
	return nil
}

func page(w io.Writer, app *kong.Application) {
	fmt.Fprintf(w, ".TH INDEX 1 \"\" \"index %s\" \"User Commands\"\n", troff(version.Read().Version))
	fmt.Fprintf(w, ".SH NAME\nindex \\- %s\n", troff(lowerFirst(strings.TrimSuffix(app.Help, "."))))
	fmt.Fprint(w, ".SH SYNOPSIS\n.B index\n.RI [ settings ]\n.I command\n.RI [ arguments ]\n.SH COMMANDS\n")
	each(app.Node, "", func(path string, n *kong.Node) {
		if path == "" || len(n.Children) > 0 && n.DefaultCmd == nil {
			return
		}
		words := []string{path}
		for _, p := range n.Positional {
			words = append(words, p.Summary())
		}
		fmt.Fprintf(w, ".SS %s\n%s\n", troff(strings.Join(words, " ")), troff(n.Help))
		for _, f := range flags(n) {
			if f.Name != "help" {
				option(w, f)
			}
		}
	})
	fmt.Fprint(w, ".SH JSON\nWith \\-\\-json, commands that list things print an array, and others print one object.\n"+
		"Sizes are in bytes, times in UTC as in RFC 3339.\n")
	fmt.Fprint(w, ".SH SETTINGS\nEach setting is also an environment variable, and a key of the file given by \\-\\-config.\n"+
		"A flag overrides the variable, and the variable overrides the file.\n"+
		"An empty variable means that the setting is not set there.\n")
	for _, f := range app.Flags {
		option(w, f)
	}
	fmt.Fprint(w, ".SH EXIT STATUS\n0 if the command succeeded, 1 if it was refused, failed or interrupted, 2 if the command line or a setting is wrong.\n")
}

func option(w io.Writer, f *kong.Flag) {
	name := "--" + f.Name
	if !f.IsBool() {
		name += "=" + f.FormatPlaceHolder()
	}
	fmt.Fprintf(w, ".TP\n.B %s\n%s\n", troff(name), troff(f.Help))
	for _, env := range f.Envs {
		fmt.Fprintf(w, "Environment variable:\n.BR %s .\n", troff(env))
	}
}

// lowerFirst returns s with its first letter in lower case.
func lowerFirst(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToLower(s[:n]) + s[n:]
}

// troff escapes text so that troff prints it literally, including dashes and characters beyond ASCII.
func troff(s string) string {
	var b strings.Builder
	if strings.HasPrefix(s, ".") {
		b.WriteString(`\&`)
	}
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '\'':
			b.WriteString(`\(aq`)
		case r == '\n':
			b.WriteByte(' ')
		case r >= utf8.RuneSelf:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
