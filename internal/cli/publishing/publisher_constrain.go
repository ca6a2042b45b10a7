package publishing

import (
	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/terminal"
	"pyindex/internal/workload"
)

type publisherConstrainCmd struct {
	ID              string `arg:"" help:"ID of the publisher, as listed by index publisher list."`
	Project         string `required:"" xor:"place" placeholder:"P" help:"Project of the publisher. Other projects of the publisher are not changed. Either --project or --names is required, but not both."`
	Names           string `required:"" xor:"place" placeholder:"PREFIX" help:"Names that the publisher has in the repository, instead of a project."`
	IndexRepository string `default:"main" help:"Repository of the project or the names in this index."`
	Kind            string `placeholder:"KIND" help:"Replace a publisher of kind generic by one of its platform's own kind, for example buildkite."`
	terminal.Listing
	ruleFlags
}

// constraintFlags returns flags for the optional fields of all kinds. If several kinds have a flag of the same name,
// the help is that of the first kind.
func constraintFlags() ruleFlags {
	var all []workload.Field
	seen := map[string]bool{}
	for _, k := range workload.All {
		for _, f := range k.Fields {
			if !k.Constrains(f.Name) || seen[f.Name] {
				continue
			}
			seen[f.Name] = true
			f.Default, f.Required = "", false
			all = append(all, f)
		}
	}
	return flagsOf(workload.GitHub, all)
}

// Run replaces a project's publisher with a narrower one. It prints only the new ID to standard output.
func (c *publisherConstrainCmd) Run(s *cli.Session) error {
	_, fields, err := c.rule()
	if err != nil {
		return err
	}
	if len(fields) == 0 && c.Kind == "" {
		return fault.New(fault.Invalid, "nothing to require: add a constraint, for example --environment NAME")
	}
	return s.With(func(a *app.App) error {
		added, err := a.Registry.Constrain(s.Ctx, a.Operator,
			publishers.ConstrainRequest{
				ID: c.ID, Repository: c.IndexRepository, Project: c.Project, Names: c.Names, Fields: fields, Kind: c.Kind,
			})
		if err != nil {
			return c.inFlags(err)
		}
		added.Warning = c.flagged(added.Warning)
		return tell(s, c.Listing, c.IndexRepository, added)
	})
}
