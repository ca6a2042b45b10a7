package upstreams

import (
	"fmt"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
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
		at, err := c.since(s, a, name)
		if err != nil {
			return err
		}
		r, err := a.Holds.AcceptReturn(s.Ctx, a.Operator, c.Name, name, c.Reason)
		if err != nil {
			return err
		}
		out := returned{c.Name, name.String(), terminal.Moment(at), terminal.Moment(r.At), r.Reason}
		return c.Report(s.Out, out, fmt.Sprintf(
			"%s of the upstream %s is served again: it came back at %s with none of its old files", name, c.Name, out.Returned))
	})
}

// since returns when the project came back. It returns an error if it did not, or if that was accepted already.
func (c *returnCmd) since(s *cli.Session, a *app.App, name packaging.ProjectName) (time.Time, error) {
	u, err := a.Upstreams.Show(s.Ctx, a.Operator, c.Name)
	if err != nil {
		return time.Time{}, err
	}
	p, err := a.Pages.Remembered(s.Ctx, u.Upstream, name)
	switch {
	case err != nil:
		return time.Time{}, err
	case p.Returned.IsZero() && !p.Away.IsZero():
		return time.Time{}, fault.New(fault.Conflict, "%s has been gone from the upstream %s since %s, and has not come back",
			name, c.Name, terminal.Moment(p.Away))
	case p.Returned.IsZero():
		return time.Time{}, fault.New(fault.Conflict,
			"as far as this index knows, %s was never gone from the upstream %s: there is no return to accept", name, c.Name)
	}
	all, err := a.Holds.Returns(s.Ctx, a.Operator)
	for _, r := range all {
		if r.Upstream == c.Name && r.Project == name.String() && !p.Returned.After(r.At) {
			return time.Time{}, fault.New(fault.Conflict, "the return of %s to the upstream %s was accepted at %s", name, c.Name,
				terminal.Moment(r.At))
		}
	}
	return p.Returned, err
}
