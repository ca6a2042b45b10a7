package main

import (
	"cmp"
	"fmt"

	"pyindex/internal/access"
	"pyindex/internal/packaging"
)

type grantCmd struct {
	Add    grantAddCmd    `cmd:"" help:"Give a user a role in a project or repository, or another one than before."`
	List   grantListCmd   `cmd:"" help:"List who has which role."`
	Remove grantRemoveCmd `cmd:"" help:"Take a user's role away."`
}

// grantPlace is what a grant is about.
type grantPlace struct {
	Project string `placeholder:"P" help:"The project; without it the whole repository."`
	inRepository
}

// name returns the project's name, zero for the repository.
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

// grantee is who a grant is for: a user, or all of a group.
type grantee struct {
	User  string `placeholder:"NAME" xor:"who" required:"" help:"The user."`
	Group string `placeholder:"NAME" xor:"who" required:"" help:"The group."`
}

func (g grantee) String() string {
	if g.Group != "" {
		return "group " + g.Group
	}
	return "user " + g.User
}

type grantAddCmd struct {
	grantee
	Role string `required:"" enum:"reader,uploader,maintainer,owner" help:"reader, uploader, maintainer or owner."`
	grantPlace
}

// Run gives the role.
func (c *grantAddCmd) Run(s *session) error {
	name, err := c.name()
	if err != nil {
		return err
	}
	role, err := access.ParseRole(c.Role)
	if err != nil {
		return err
	}
	return s.with(func(a *app) error {
		give, to := a.index.Grant, c.User
		if c.Group != "" {
			give, to = a.index.GrantGroup, c.Group
		}
		if err := give(s.ctx, a.operator, c.Repository, name, to, role); err != nil {
			return inPlain(err, name)
		}
		fmt.Fprintf(s.out, "%s is %s of %s\n", c.grantee, role, c.grantPlace)
		return nil
	})
}

type grantRemoveCmd struct {
	grantee
	grantPlace
}

// Run takes the role away.
func (c *grantRemoveCmd) Run(s *session) error {
	name, err := c.name()
	if err != nil {
		return err
	}
	return s.with(func(a *app) error {
		take, from := a.index.Ungrant, c.User
		if c.Group != "" {
			take, from = a.index.UngrantGroup, c.Group
		}
		if err := take(s.ctx, a.operator, c.Repository, name, from); err != nil {
			return inPlain(err, name)
		}
		fmt.Fprintf(s.out, "%s has no role of its own in %s any more\n", c.grantee, c.grantPlace)
		return nil
	})
}

type grantListCmd struct {
	listing
	grantPlace
}

type grantRow struct {
	User    string `json:"user"`
	Project string `json:"project,omitempty"`
	Role    string `json:"role"`
}

// Run lists the grants.
func (c *grantListCmd) Run(s *session) error {
	name, err := c.name()
	if err != nil {
		return err
	}
	return s.with(func(a *app) error {
		grants, err := a.index.Grants(s.ctx, a.operator, c.Repository, name)
		if err != nil {
			return inPlain(err, name)
		}
		var list []grantRow
		var rows [][]string
		for _, g := range grants {
			list = append(list, grantRow{g.User, g.Project, g.Role.String()})
			rows = append(rows, []string{g.User, cmp.Or(g.Project, "-"), g.Role.String()})
		}
		return c.write(s.out, notNil(list), []string{"USER", "PROJECT", "ROLE"}, rows)
	})
}
