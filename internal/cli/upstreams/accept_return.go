package upstreams

import (
	"fmt"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

type returnCmd struct {
	Name    string `arg:"" name:"upstream" help:"Name of the upstream."`
	Project string `arg:""`
	Reason  string `required:"" placeholder:"R" help:"Why the project is the right one. It is recorded in the audit log."`
	terminal.Listing
}

// returned is the result of the command in JSON.
type returned struct {
	Upstream string          `json:"upstream"`
	Project  string          `json:"project"`
	Returned terminal.Moment `json:"returned"`
	Accepted terminal.Moment `json:"accepted"`
	Reason   string          `json:"reason"`
}

// Run accepts the return of a project.
func (c *returnCmd) Run(s *cli.Session) error {
	name, err := packaging.ParseProjectName(c.Project)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		r, err := a.Holds.AcceptReturn(s.Ctx, a.Operator, c.Name, name, c.Reason)
		if err != nil {
			return err
		}
		out := returned{c.Name, name.String(), terminal.Moment(r.Returned), terminal.Moment(r.At), r.Reason}
		return c.Report(s.Out, out, fmt.Sprintf(
			"%s of the upstream %s is served again: it came back at %s with none of its old files", name, c.Name, out.Returned))
	})
}
