package publishing

import (
	"cmp"

	"github.com/alecthomas/kong"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/terminal"
)

// publisherAddCmd has a command for each kind of issuer.
type publisherAddCmd struct{ kong.Plugins }

// publisherAdd is the command for one kind of issuer.
type publisherAdd struct {
	Project         string `required:"" xor:"place" placeholder:"P" help:"Project that the workload may publish. Either --project or --names is required, but not both."`
	Names           string `required:"" xor:"place" placeholder:"PREFIX" help:"Instead of one project: all projects of the repository whose names are PREFIX or begin with PREFIX and a dash."`
	Create          bool   `help:"With --names: an upload may create the project."`
	Issuer          string `placeholder:"URL" help:"Issuer, if several of this kind are configured (default: the usual one, or the only one)."`
	User            string `placeholder:"NAME" help:"With --pending or --create: the user who becomes the owner of the project."`
	Pending         bool   `help:"The project does not exist yet; the first token creates it."`
	EvenIfPublic    bool   `help:"With --pending: register it although an upstream has a project of that name. Requires --reason."`
	Reason          string `placeholder:"R" help:"With --even-if-public: the reason."`
	IndexRepository string `default:"main" help:"Repository of the project or the names in this index."`
	terminal.Listing
	ruleFlags
}

// Run adds the publisher. It prints only the ID to standard output, and the details to standard error.
func (c *publisherAdd) Run(s *cli.Session) error {
	switch {
	case c.Create && c.Names == "":
		return fault.New(fault.Invalid, "--create requires --names; with --pending, the first token creates one project")
	case c.Pending && c.Names != "":
		return fault.New(fault.Invalid, "--pending requires --project; with --create, each upload may create its project")
	case c.EvenIfPublic && !c.Pending:
		return fault.New(fault.Invalid, "--even-if-public requires --pending")
	case c.EvenIfPublic && c.Reason == "", c.Reason != "" && !c.EvenIfPublic:
		return fault.New(fault.Invalid, "--even-if-public and --reason are used together")
	case c.User != "" && c.Names != "" && !c.Create:
		return fault.New(fault.Invalid, "--user requires --create: an existing project already has owners")
	case c.User != "" && c.Names == "" && !c.Pending:
		return fault.New(fault.Invalid, "--user requires --pending: an existing project already has owners")
	}
	kind, fields, err := c.rule()
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		issuer, err := a.Registry.IssuerOf(kind, c.Issuer)
		if err != nil {
			return err
		}
		c.split(kind, cmp.Or(a.Registry.Server(issuer), issuer), fields)
		added, err := a.Registry.Add(s.Ctx, a.Operator, publishers.AddRequest{
			Provider: kind, Issuer: issuer, Repository: c.IndexRepository, Project: c.Project, Pending: c.Pending, User: c.User,
			Fields: fields, Wide: c.Names != "", Names: c.Names, Creates: c.Create, EvenIfPublic: c.EvenIfPublic,
			Reason: c.Reason,
		})
		if fault.Is(err, fault.NotFound) && !c.Pending && c.Names == "" {
			return absent(err, c.IndexRepository, c.Project, "; with --pending, the first token creates it")
		}
		if err != nil {
			return c.inFlags(err)
		}
		added.Warning = c.flagged(added.Warning)
		return tell(s, c.Listing, c.IndexRepository, added)
	})
}

// absent says to the operator that a project does not exist, and how to list the projects of the repository. The
// message of err is for users who may not know whether a project exists.
func absent(err error, repository, project, more string) error {
	list := "index project list"
	if repository != "main" {
		list += " --repository " + terminal.Quote(repository)
	}
	return fault.Wrap(fault.NotFound, err, "there is no project %.100s in repository %.100s: %s shows the projects%s",
		project, repository, list, more)
}
