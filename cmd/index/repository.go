package main

import (
	"fmt"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
)

type repositoryCmd struct {
	Add    repositoryAddCmd    `cmd:"" help:"Make a repository; its tree is below /r/NAME/."`
	List   repositoryListCmd   `cmd:"" help:"List the repositories."`
	Remove repositoryRemoveCmd `cmd:"" help:"Remove a repository that is empty."`
}

type repositoryAddCmd struct {
	Name    string `arg:"" help:"Lower-case letters, digits and '-'."`
	Members string `enum:"none,reader,uploader" default:"none" help:"What every user may do there: none, reader, or uploader, who also makes projects."`
	Public  bool   `help:"Readable without a token, where access.anonymous_read allows that."`
}

// Run makes the repository.
func (c *repositoryAddCmd) Run(s *session) error {
	role, err := access.ParseRole(c.Members)
	if err != nil {
		return err
	}
	return s.with(func(a *app) error {
		err := a.index.AddRepository(s.ctx, a.operator, catalog.NewRepository{Name: c.Name, Members: role, Public: c.Public})
		if err == nil {
			fmt.Fprintf(s.out, "repository %s was added: it is at /r/%s/simple/ and /r/%s/legacy/\n", c.Name, c.Name, c.Name)
		}
		return err
	})
}

type repositoryRemoveCmd struct {
	Name string `arg:""`
}

// Run removes the repository.
func (c *repositoryRemoveCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		err := a.index.RemoveRepository(s.ctx, a.operator, c.Name)
		if err == nil {
			fmt.Fprintf(s.out, "repository %s was removed\n", c.Name)
		}
		return err
	})
}

type repositoryListCmd struct{ listing }

type repositoryRow struct {
	Name    string `json:"name"`
	Members string `json:"members"`
	Public  bool   `json:"public"`
	Created moment `json:"created"`
}

// Run lists the repositories.
func (c *repositoryListCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		repositories, err := a.index.Repositories(s.ctx, a.operator)
		if err != nil {
			return err
		}
		var list []repositoryRow
		var rows [][]string
		for _, r := range repositories {
			row := repositoryRow{r.Name, r.Members.String(), r.Public, moment(r.CreatedAt)}
			list = append(list, row)
			rows = append(rows, []string{row.Name, row.Members, yes(row.Public), row.Created.String()})
		}
		return c.write(s.out, notNil(list), []string{"NAME", "MEMBERS", "PUBLIC", "CREATED"}, rows)
	})
}
