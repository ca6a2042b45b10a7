package people

import (
	"fmt"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/terminal"
)

// Group has the commands about groups of users.
type Group struct {
	Add    groupAddCmd    `cmd:"" help:"Create a group."`
	List   groupListCmd   `cmd:"" help:"List the groups with their members and roles."`
	Remove groupRemoveCmd `cmd:"" help:"Remove a group. Its members lose the roles of the group."`
	Member groupMemberCmd `cmd:"" help:"Manage the members of a group."`
}

type groupAddCmd struct {
	Name        string `arg:""`
	Description string `help:"Purpose of the group."`
	terminal.Listing
}

// Run creates the group.
func (c *groupAddCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		g, err := a.Directory.AddGroup(s.Ctx, a.Operator, c.Name, c.Description)
		if err != nil {
			return err
		}
		return c.Report(s.Out, groupRow{g.Name, g.Description, []string{}, []string{}},
			fmt.Sprintf("group %s was added", g.Name))
	})
}

type groupRemoveCmd struct {
	Name string `arg:""`
}

// Run removes the group.
func (c *groupRemoveCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error { return a.Directory.DeleteGroup(s.Ctx, a.Operator, c.Name) })
}

type groupMemberCmd struct {
	Add    groupMemberAddCmd    `cmd:"" help:"Add a user to a group."`
	Remove groupMemberRemoveCmd `cmd:"" help:"Remove a user from a group."`
}

type groupMemberAddCmd struct {
	Group string `arg:""`
	User  string `arg:""`
}

// Run adds the user to the group.
func (c *groupMemberAddCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error { return a.Directory.AddMember(s.Ctx, a.Operator, c.Group, c.User) })
}

type groupMemberRemoveCmd struct {
	Group string `arg:""`
	User  string `arg:""`
}

// Run removes the user from the group.
func (c *groupMemberRemoveCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error { return a.Directory.RemoveMember(s.Ctx, a.Operator, c.Group, c.User) })
}

type groupListCmd struct{ terminal.Listing }

type groupRow struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Members     []string `json:"members"`
	Roles       []string `json:"roles"`
}

// Run lists the groups.
func (c *groupListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		groups, err := a.Directory.Groups(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		var list []groupRow
		var rows [][]string
		for _, g := range groups {
			d, err := a.Directory.Group(s.Ctx, a.Operator, g.Name)
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
		return c.Write(s.Out, terminal.NotNil(list), []string{"NAME", "MEMBERS", "ROLES", "DESCRIPTION"}, rows)
	})
}
