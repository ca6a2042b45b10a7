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
	Switch  string `arg:"" enum:"on,off" help:"on refuses uploads with API tokens; off allows them."`
	cli.InRepository
}

// Run changes the setting. It prints a note if nobody can upload to the project any longer.
func (c *projectTrustedOnlyCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Repository, c.Project, func(a *app.App, name packaging.ProjectName) error {
		if err := a.Index.SetTrustedOnly(s.Ctx, a.Operator, c.Repository, name, c.Switch == "on"); err != nil ||
			c.Switch == "off" {
			return err
		}
		list, err := a.Registry.List(s.Ctx, a.Operator, name.String())
		here := func(p publishers.Listed) bool { return p.Repository == c.Repository && !p.Pending }
		if err == nil && !slices.ContainsFunc(list, here) {
			fmt.Fprintf(s.Errs,
				"note: %s has no trusted publisher, so nobody can upload to it over the network until you add one with index publisher add\n",
				name)
		}
		return err
	})
}

// trustText returns the end of a project's line.
func trustText(trustedOnly bool) string {
	if trustedOnly {
		return ", uploads by trusted publishers only"
	}
	return ""
}
