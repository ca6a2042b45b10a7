package publishing

import (
	"maps"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

type publisherConstrainCmd struct {
	ID              string `arg:"" help:"Of the publisher, as publisher list shows it."`
	Project         string `required:"" placeholder:"P" help:"The project that has it; other projects keep what they have."`
	IndexRepository string `default:"main" help:"The repository of this index that the project is in."`
	Environment     string `placeholder:"E" help:"Only jobs of this environment."`
	strictness
}

// Run gives a project a narrower publisher in place of the one that it has. Standard output is the new one's id alone.
func (c *publisherConstrainCmd) Run(s *cli.Session) error {
	fields := c.fields()
	fields["environment"] = c.Environment
	maps.DeleteFunc(fields, func(_, v string) bool { return v == "" })
	if len(fields) == 0 {
		return fault.New(fault.Invalid, "say what it shall require, as --environment NAME")
	}
	return s.With(func(a *app.App) error {
		added, err := a.Registry.Constrain(s.Ctx, a.Operator,
			publishers.ConstrainRequest{ID: c.ID, Repository: c.IndexRepository, Project: c.Project, Fields: fields})
		if err != nil {
			return err
		}
		tell(s, added)
		return nil
	})
}
