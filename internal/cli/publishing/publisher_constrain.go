package publishing

import (
	"slices"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

type publisherConstrainCmd struct {
	ID              string `arg:"" help:"Of the publisher, as publisher list shows it."`
	Project         string `required:"" placeholder:"P" help:"The project that has it; other projects keep what they have."`
	IndexRepository string `default:"main" help:"The repository of this index that the project is in."`
	ruleFlags
}

// constraintFlags are those of the fields that the kinds of forges have in common.
func constraintFlags() ruleFlags {
	var common []workload.Field
	for _, f := range workload.GitHub.Fields {
		if slices.Contains([]string{"environment", "ref", "ref_protected", "events", "runner_environment"}, f.Name) {
			common = append(common, f)
		}
	}
	return flagsOf(workload.GitHub, common)
}

// Run gives a project a narrower publisher in place of the one that it has. Standard output is the new one's id alone.
func (c *publisherConstrainCmd) Run(s *cli.Session) error {
	_, fields, err := c.rule()
	if err != nil {
		return err
	}
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
