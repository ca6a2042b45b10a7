package people

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/alecthomas/kong"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// Grant has the commands about roles.
type Grant struct {
	Add    grantAddCmd    `cmd:"" help:"Give a user or group a role in a project or repository, or change it."`
	List   grantListCmd   `cmd:"" help:"List the users and groups with a role."`
	Remove grantRemoveCmd `cmd:"" help:"Remove the role of a user or group."`
}

// grantPlace is the project or repository of a grant.
type grantPlace struct {
	Project string `placeholder:"P" help:"Project (default: the whole repository)."`
	cli.InRepository
}

// name returns the project's name, or the zero name for the repository.
func (p grantPlace) name() (packaging.ProjectName, error) {
	if p.Project == "" {
		return packaging.ProjectName{}, nil
	}
	return packaging.ParseProjectName(p.Project)
}

func (p grantPlace) String() string {
	if p.Project == "" {
		return "repository " + p.Repository
	}
	return "project " + p.Project
}

// grantee is the user or group of a grant.
type grantee struct {
	User  string `placeholder:"NAME" xor:"who" required:"" help:"User who has the role."`
	Group string `placeholder:"NAME" xor:"who" required:"" help:"Group whose members have the role."`
}

func (g grantee) String() string {
	if g.Group != "" {
		return "group " + g.Group
	}
	return "user " + g.User
}

type grantAddCmd struct {
	grantee
	Role string `required:"" enum:"reader,uploader,maintainer,owner" help:"Role: reader, uploader, maintainer or owner."`
	grantPlace
	AllProjects bool `help:"Give the role in the whole repository. An owner of all projects needs this flag or --repository."`
	terminal.Listing
}

// changedGrant is a changed role in JSON.
type changedGrant struct {
	User       string `json:"user,omitempty"`
	Group      string `json:"group,omitempty"`
	Repository string `json:"repository"`
	Project    string `json:"project,omitempty"`
	Role       string `json:"role"` // "" if it was removed
}

// Run gives the role. It refuses to make an owner of every project because --project is missing.
func (c *grantAddCmd) Run(s *cli.Session, parsed *kong.Context) error {
	name, err := c.name()
	if err != nil {
		return err
	}
	if c.AllProjects && c.Project != "" {
		return fault.New(fault.Invalid, "--project and --all-projects: choose one")
	}
	if c.Role == "owner" && c.Project == "" && !c.AllProjects && !typed(parsed, "repository") {
		return fault.New(fault.Invalid,
			"without --project, %s would own every project of repository %s: name one with --project P, or add --all-projects",
			c.grantee, c.Repository)
	}
	role, err := access.ParseRole(c.Role)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		give, to := a.Index.Grant, c.User
		if c.Group != "" {
			give, to = a.Index.GrantGroup, c.Group
		}
		if err := give(s.Ctx, a.Operator, c.Repository, name, to, role); err != nil {
			return cli.InPlain(err, name)
		}
		return c.Report(s.Out, changedGrant{c.User, c.Group, c.Repository, name.String(), role.String()},
			fmt.Sprintf("%s is %s of %s", c.grantee, role, c.grantPlace))
	})
}

// typed reports whether the command line has a flag.
func typed(parsed *kong.Context, flag string) bool {
	return slices.ContainsFunc(parsed.Path, func(p *kong.Path) bool {
		return p.Flag != nil && p.Flag.Name == flag && !p.Resolved
	})
}

type grantRemoveCmd struct {
	grantee
	grantPlace
	terminal.Listing
}

// Run takes the role away.
func (c *grantRemoveCmd) Run(s *cli.Session) error {
	name, err := c.name()
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		take, from := a.Index.Ungrant, c.User
		if c.Group != "" {
			take, from = a.Index.UngrantGroup, c.Group
		}
		if err := take(s.Ctx, a.Operator, c.Repository, name, from); err != nil {
			return cli.InPlain(err, name)
		}
		return c.Report(s.Out, changedGrant{c.User, c.Group, c.Repository, name.String(), ""},
			fmt.Sprintf("%s no longer has a role of its own in %s", c.grantee, c.grantPlace))
	})
}

type grantListCmd struct {
	terminal.Listing
	grantPlace
}

type grantRow struct {
	User    string `json:"user"`
	Project string `json:"project,omitempty"`
	Role    string `json:"role"`
}

// Run lists the grants.
func (c *grantListCmd) Run(s *cli.Session) error {
	name, err := c.name()
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		grants, err := a.Index.Grants(s.Ctx, a.Operator, c.Repository, name)
		if err != nil {
			return cli.InPlain(err, name)
		}
		var list []grantRow
		var rows [][]string
		for _, g := range grants {
			list = append(list, grantRow{g.User, g.Project, g.Role.String()})
			rows = append(rows, []string{g.User, cmp.Or(g.Project, "-"), g.Role.String()})
		}
		return c.Write(s.Out, terminal.NotNil(list), []string{"USER", "PROJECT", "ROLE"}, rows)
	})
}
