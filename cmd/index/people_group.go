package main

import (
	"fmt"
	"strings"
)

type groupCmd struct {
	Add    groupAddCmd    `cmd:"" help:"Make a group."`
	List   groupListCmd   `cmd:"" help:"List the groups, their members and roles."`
	Remove groupRemoveCmd `cmd:"" help:"Remove a group; its members lose what it gave them."`
	Member groupMemberCmd `cmd:"" help:"Who is in a group."`
}

type groupAddCmd struct {
	Name        string `arg:""`
	Description string `help:"What it is for."`
}

// Run makes the group.
func (c *groupAddCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		g, err := a.directory.AddGroup(s.ctx, a.operator, c.Name, c.Description)
		if err == nil {
			fmt.Fprintf(s.out, "group %s was added\n", g.Name)
		}
		return err
	})
}

type groupRemoveCmd struct {
	Name string `arg:""`
}

// Run removes the group.
func (c *groupRemoveCmd) Run(s *session) error {
	return s.with(func(a *app) error { return a.directory.DeleteGroup(s.ctx, a.operator, c.Name) })
}

type groupMemberCmd struct {
	Add    groupMemberAddCmd    `cmd:"" help:"Put a user into a group."`
	Remove groupMemberRemoveCmd `cmd:"" help:"Take a user out of a group."`
}

type groupMemberAddCmd struct {
	Group string `arg:""`
	User  string `arg:""`
}

// Run puts the user into the group.
func (c *groupMemberAddCmd) Run(s *session) error {
	return s.with(func(a *app) error { return a.directory.AddMember(s.ctx, a.operator, c.Group, c.User) })
}

type groupMemberRemoveCmd struct {
	Group string `arg:""`
	User  string `arg:""`
}

// Run takes the user out of the group.
func (c *groupMemberRemoveCmd) Run(s *session) error {
	return s.with(func(a *app) error { return a.directory.RemoveMember(s.ctx, a.operator, c.Group, c.User) })
}

type groupListCmd struct{ listing }

type groupRow struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Members     []string `json:"members"`
	Roles       []string `json:"roles"`
}

// Run lists the groups.
func (c *groupListCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		groups, err := a.directory.Groups(s.ctx, a.operator)
		if err != nil {
			return err
		}
		var list []groupRow
		var rows [][]string
		for _, g := range groups {
			d, err := a.directory.Group(s.ctx, a.operator, g.Name)
			if err != nil {
				return err
			}
			r := groupRow{Name: g.Name, Description: g.Description, Members: []string{}, Roles: []string{}}
			for _, m := range d.Members {
				r.Members = append(r.Members, m.User)
			}
			for _, x := range d.Grants {
				where := "project " + x.Project
				if x.Project == "" {
					where = "repository " + x.Repository
				}
				r.Roles = append(r.Roles, x.Role.String()+" of "+where)
			}
			list = append(list, r)
			rows = append(rows, []string{r.Name, strings.Join(r.Members, ", "), strings.Join(r.Roles, ", "), r.Description})
		}
		return c.write(s.out, notNil(list), []string{"NAME", "MEMBERS", "ROLES", "DESCRIPTION"}, rows)
	})
}
