package projects

import (
	"fmt"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/terminal"
)

// Explain is the command that explains what a repository shows of a project.
type Explain struct {
	Repository string `arg:"" help:"Repository through which the project is read."`
	Project    string `arg:"" placeholder:"PROJECT[==V]" help:"Project, or one version of it as NAME==VERSION."`
	terminal.Listing
}

// Run explains the project.
func (c *Explain) Run(s *cli.Session) error {
	text, version, one := strings.Cut(c.Project, "==")
	name, err := packaging.ParseProjectName(strings.TrimSpace(text))
	if err != nil {
		return err
	}
	if one {
		v, err := packaging.ParseVersion(strings.TrimSpace(version))
		if err != nil {
			return err
		}
		version = v.String()
	}
	return s.With(func(a *app.App) error {
		e, err := a.Reader.Explain(s.Ctx, a.Operator, c.Repository, name, version)
		if err != nil {
			return err
		}
		if e.Sources == nil {
			e.Sources = []resolve.ExplainedSource{}
		}
		return c.Report(s.Out, e, strings.Join(explainLines(e, version), "\n"))
	})
}

// explainLines describes an explanation, a fact on each line.
func explainLines(e resolve.Explanation, version string) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	what := e.Project
	if version != "" {
		what += " " + version
	}
	say("%s in repository %s: %s", what, e.Repository, explainedOrigin(e.Origin))
	since := ""
	if !e.Since.IsZero() {
		since = " (since " + terminal.Moment(e.Since).String() + ")"
	}
	say("  %s%s", terminal.Printable(e.Why), since)
	say("Sources, in order:")
	for _, source := range e.Sources {
		say("  %s %s", source.Source, terminal.Printable(source.Does))
	}
	say("%s", e.Listing())
	for _, h := range e.Hidden {
		if h.Rule == "" {
			say("Hidden: %s", terminal.Printable(h.Filename))
		} else {
			say("Not served: %s", terminal.Printable(h.Filename))
		}
		say("  %s", terminal.Printable(h.Reason))
		say("  to change it: %s", terminal.Printable(h.Next))
	}
	if e.Next != "" {
		say("To change whose the name is: %s", terminal.Printable(e.Next))
	}
	return lines
}

func explainedOrigin(o catalog.Origin) string {
	switch o {
	case catalog.Own:
		return "it belongs to this index"
	case catalog.Foreign:
		return "it belongs to an upstream"
	case catalog.Both:
		return "it belongs to this index and to an upstream"
	case catalog.Adopted:
		return "it was adopted from an upstream"
	}
	return "it belongs to nobody yet"
}
