package projects

import (
	"fmt"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// Name has the commands about project names, including those of deleted projects.
type Name struct {
	List    nameListCmd    `cmd:"" help:"List the known project names, including those of deleted projects."`
	Release nameReleaseCmd `cmd:"" help:"Release the name of a deleted project before its 90 days have passed."`
}

type nameListCmd struct {
	terminal.Listing
	Deleted bool `help:"List only names of deleted projects that were not created again."`
}

type nameRow struct {
	Name   string `json:"name"`
	Origin string `json:"origin"`
	// of a name that belongs to an upstream
	Upstream string           `json:"upstream,omitempty"`
	Since    terminal.Moment  `json:"since"`
	By       string           `json:"by,omitempty"`
	Why      string           `json:"why"`
	Deleted  []deletedNameRow `json:"deleted"`
}

type deletedNameRow struct {
	Repository string          `json:"repository"`
	Deleted    terminal.Moment `json:"deleted"`
	Free       terminal.Moment `json:"free"`
	Again      terminal.Moment `json:"created_again"`
	Owners     int             `json:"last_owners"`
}

// Run lists the names.
func (c *nameListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		names, err := a.Index.Names(s.Ctx, a.Operator, c.Deleted)
		if err != nil {
			return err
		}
		var list []nameRow
		var rows [][]string
		for _, n := range names {
			r := nameRow{
				Name:     n.Name.Name.String(),
				Origin:   string(n.Origin),
				Upstream: n.Upstream,
				Since:    terminal.Moment(n.Since),
				By:       n.By.Name,
				Why:      n.Why,
				Deleted:  []deletedNameRow{},
			}
			for _, d := range n.Deleted {
				r.Deleted = append(r.Deleted,
					deletedNameRow{
						d.Repository, terminal.Moment(d.At), terminal.Moment(d.FreeAt), terminal.Moment(d.AgainAt),
						len(d.Users) + len(d.Groups),
					})
				rows = append(rows, nameLine(r, d))
			}
			if len(n.Deleted) == 0 {
				rows = append(rows, nameLine(r, catalog.Deleted{}))
			}
			list = append(list, r)
		}
		return c.Write(s.Out, terminal.NotNil(list),
			[]string{"NAME", "ORIGIN", "SINCE", "REPOSITORY", "DELETED", "FREE FROM", "CREATED AGAIN"}, rows)
	})
}

// nameLine returns the table row of a name and a deleted project of that name.
func nameLine(r nameRow, d catalog.Deleted) []string {
	line := []string{r.Name, r.Origin, r.Since.String(), d.Repository, "", "", ""}
	for i, t := range []time.Time{d.At, d.FreeAt, d.AgainAt} {
		if !t.IsZero() {
			line[4+i] = terminal.Moment(t).String()
		}
	}
	return line
}

type nameReleaseCmd struct {
	Name string `arg:""`
	cli.InRepository
	terminal.Listing
}

// Run releases the name.
func (c *nameReleaseCmd) Run(s *cli.Session) error {
	name, err := packaging.ParseProjectName(c.Name)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		err := a.Index.ReleaseName(s.Ctx, a.Operator, c.Repository, name)
		if err != nil {
			return err
		}
		return c.Report(s.Out, struct {
			Name       string `json:"name"`
			Repository string `json:"repository"`
		}{name.String(), c.Repository},
			fmt.Sprintf("the name %s is free; anyone who can create projects in %s can use it", name, c.Repository))
	})
}
