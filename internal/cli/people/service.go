package people

import (
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// Service has the commands about service accounts.
type Service struct {
	Add    serviceAddCmd    `cmd:"" help:"Create a service account of a project or a group."`
	List   serviceListCmd   `cmd:"" help:"List the service accounts."`
	Token  serviceTokenCmd  `cmd:"" help:"Create an API token of a service account and print it. It cannot be shown again."`
	Remove serviceRemoveCmd `cmd:"" help:"Remove a service account for good. Its tokens stop working on the next request."`
}

type serviceAddCmd struct {
	Name        string `arg:"" help:"Name: lower-case letters, digits and single dashes. It is shown as svc:NAME and can never be reused."`
	Project     string `placeholder:"P" xor:"of" required:"" help:"Project that the account belongs to."`
	Group       string `placeholder:"G" xor:"of" required:"" help:"Group that the account belongs to. It has the roles of the group, up to uploader."`
	Role        string `enum:"uploader,reader" default:"uploader" help:"Role in the project: uploader or reader."`
	Description string `placeholder:"D" help:"Purpose of the account."`
	cli.InRepository
	terminal.Listing
}

// Run creates the account.
func (c *serviceAddCmd) Run(s *cli.Session) error {
	role, err := access.ParseRole(c.Role)
	if err != nil {
		return err
	}
	n := access.NewService{Name: c.Name, Description: c.Description, Group: c.Group, Role: role}
	return s.With(func(a *app.App) error {
		if c.Project != "" {
			name, err := packaging.ParseProjectName(c.Project)
			if err != nil {
				return err
			}
			p, err := a.Index.Project(s.Ctx, a.Operator, c.Repository, name)
			if err != nil {
				return cli.InPlain(err, name)
			}
			n.RepositoryID, n.ProjectID, n.Project = p.Repository.ID, p.ID, p.Name.String()
		}
		x, err := a.Directory.AddService(s.Ctx, a.Operator, n)
		if err != nil {
			return err
		}
		return c.Report(s.Out, rowOf(x), fmt.Sprintf("service account %s of %s was added", x.Name, x.Owner()))
	})
}

type serviceListCmd struct{ terminal.Listing }

type serviceRow struct {
	Name        string          `json:"name"`
	Project     string          `json:"project"` // "" if it belongs to a group
	Repository  string          `json:"repository"`
	Group       string          `json:"group"` // "" if it belongs to a project
	Description string          `json:"description"`
	CreatedBy   string          `json:"created_by"` // user name, "" for the command line
	Created     terminal.Moment `json:"created"`
	Disabled    terminal.Moment `json:"disabled"`
}

func rowOf(x access.Service) serviceRow {
	return serviceRow{
		Name: x.Name, Project: x.Project, Repository: x.Repository, Group: x.Group, Description: x.Description,
		CreatedBy: x.Creator, Created: terminal.Moment(x.CreatedAt), Disabled: terminal.Moment(x.DisabledAt),
	}
}

// Run lists the accounts, without removed ones.
func (c *serviceListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		all, err := a.Directory.Services(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		var list []serviceRow
		var rows [][]string
		for _, x := range all {
			r := rowOf(x)
			list = append(list, r)
			rows = append(rows, []string{
				r.Name, x.Owner(), terminal.Dash(r.CreatedBy), r.Created.String(), r.Disabled.String(), r.Description,
			})
		}
		return c.Write(s.Out, terminal.NotNil(list),
			[]string{"NAME", "BELONGS TO", "CREATED BY", "CREATED", "DISABLED", "DESCRIPTION"}, rows)
	})
}

type serviceTokenCmd struct {
	Name        string       `arg:"" help:"Name of the service account, with or without svc:."`
	Scope       string       `enum:"upload,read" default:"upload" help:"Scope of the token: read or upload."`
	Expires     *config.Span `placeholder:"24h" help:"Lifetime, such as 24h or 30d (default: access.token_default_life). 0s means no expiry; it is allowed only if access.token_max_life is 0."`
	Description string       `placeholder:"D" help:"Purpose of the token."`
	terminal.Listing
}

// Run creates the token. Without --json it prints only the token to standard output.
func (c *serviceTokenCmd) Run(s *cli.Session) error {
	name, err := access.ParseServiceName(c.Name)
	if err != nil {
		return err
	}
	n := access.NewAPIToken{User: name, Description: c.Description}
	if n.Scope, err = access.ParseScope(c.Scope); err != nil {
		return err
	}
	if c.Expires != nil {
		n.Expires, n.Endless = time.Duration(*c.Expires), *c.Expires == 0
	}
	return s.With(func(a *app.App) error {
		t, secret, err := a.Directory.CreateToken(s.Ctx, a.Operator, n)
		if err != nil {
			return unknownService(err, name)
		}
		return printToken(s, c.Listing, access.TokenInfo{Token: t, User: name}, secret, "")
	})
}

// unknownService says to the operator, who manages all service accounts, that one does not exist.
func unknownService(err error, name string) error {
	if !fault.Is(err, fault.NotFound) || !strings.HasPrefix(fault.Message(err), "there is no service account") {
		return err // for example, it was removed before
	}
	return fault.Wrap(fault.NotFound, err, "there is no service account %.80q: index service list shows them", name)
}

type serviceRemoveCmd struct {
	Name string `arg:"" help:"Name of the service account, with or without svc:."`
	terminal.Listing
}

// Run removes the account.
func (c *serviceRemoveCmd) Run(s *cli.Session) error {
	name, err := access.ParseServiceName(c.Name)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		if err := a.Directory.RemoveService(s.Ctx, a.Operator, name); err != nil {
			return unknownService(err, name)
		}
		accepted, more := cli.Believed(a)
		text := "service account " + name + " was removed"
		if more != "" {
			text += "\n" + more
		}
		return c.Report(s.Out, struct {
			Name     string `json:"name"`
			Accepted int64  `json:"accepted_seconds"` // by servers without the database
		}{name, accepted}, text)
	})
}
