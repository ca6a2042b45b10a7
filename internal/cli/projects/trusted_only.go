package projects

import (
	"fmt"
	"slices"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

type projectTrustedOnlyCmd struct {
	Project string `arg:""`
	Switch  string `arg:"" enum:"on,off" help:"on refuses API tokens, off takes them."`
	cli.InRepository
}

// Run turns the switch. A project that nobody can publish to any more is worth a note.
func (c *projectTrustedOnlyCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Project, func(a *app.App, name packaging.ProjectName) error {
		if err := a.Index.SetTrustedOnly(s.Ctx, a.Operator, c.Repository, name, c.Switch == "on"); err != nil ||
			c.Switch == "off" {
			return err
		}
		list, err := a.Registry.List(s.Ctx, a.Operator, name.String())
		here := func(p publishers.Listed) bool { return p.Repository == c.Repository && !p.Pending }
		if err == nil && !slices.ContainsFunc(list, here) {
			fmt.Fprintf(s.Errs,
				"note: %s has no trusted publisher, so nobody can upload to it by network until index publisher add names one\n",
				name)
		}
		return err
	})
}

// trustText is the end of a project's line.
func trustText(trustedOnly bool) string {
	if trustedOnly {
		return ", uploads by trusted publishers only"
	}
	return ""
}
