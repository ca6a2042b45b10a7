package publishing

import (
	"github.com/alecthomas/kong"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// publisherAddCmd has a command for each kind.
type publisherAddCmd struct{ kong.Plugins }

// publisherAdd is the command for one kind.
type publisherAdd struct {
	Project         string `required:"" placeholder:"P" help:"The project that it may publish."`
	Issuer          string `placeholder:"URL" help:"Which of the configured issuers of this kind (default: the usual one, or the only one)."`
	User            string `placeholder:"NAME" help:"With --pending: who becomes the project's owner."`
	Pending         bool   `help:"The project does not exist yet: the first token makes it."`
	IndexRepository string `default:"main" help:"The repository of this index that the project is in."`
	ruleFlags
}

// Run adds the publisher. Standard output is its id alone; what it trusts, and what is still open, is on standard
// error.
func (c *publisherAdd) Run(s *cli.Session) error {
	if c.User != "" && !c.Pending {
		return fault.New(fault.Invalid, "--user goes with --pending: a project that exists has its owners already")
	}
	kind, fields, err := c.rule()
	if err != nil {
		return err
	}
	issuer, err := s.Config.IssuerOf(kind, c.Issuer)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		added, err := a.Registry.Add(s.Ctx, a.Operator, publishers.AddRequest{
			Provider: kind, Issuer: issuer, Repository: c.IndexRepository, Project: c.Project, Pending: c.Pending, User: c.User,
			Fields: fields,
		})
		if err != nil {
			return err
		}
		tell(s, added)
		return nil
	})
}
