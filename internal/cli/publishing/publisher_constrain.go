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
	ID              string `arg:"" help:"ID of the publisher, as listed by index publisher list."`
	Project         string `required:"" placeholder:"P" help:"Project of the publisher. Other projects of the publisher are not changed."`
	IndexRepository string `default:"main" help:"Repository of the project in this index."`
	ruleFlags
}

// constraintFlags returns flags for the fields that the forges have in common.
func constraintFlags() ruleFlags {
	var common []workload.Field
	for _, f := range workload.GitHub.Fields {
		if slices.Contains([]string{"environment", "ref", "ref_protected", "events", "runner_environment"}, f.Name) {
			common = append(common, f)
		}
	}
	return flagsOf(workload.GitHub, common)
}

// Run replaces a project's publisher with a narrower one. It prints only the new ID to standard output.
func (c *publisherConstrainCmd) Run(s *cli.Session) error {
	_, fields, err := c.rule()
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return fault.New(fault.Invalid, "nothing to require: add a constraint, for example --environment NAME")
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
