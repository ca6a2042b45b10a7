package projects

import (
	"fmt"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/terminal"
)

// Repository has the commands about repositories.
type Repository struct {
	Add    repositoryAddCmd    `cmd:"" help:"Create a repository at /r/NAME/."`
	List   repositoryListCmd   `cmd:"" help:"List the repositories."`
	Remove repositoryRemoveCmd `cmd:"" help:"Remove an empty repository."`
}

type repositoryAddCmd struct {
	Name    string `arg:"" help:"Name: lower-case letters, digits and '-'."`
	Members string `enum:"none,reader,uploader" default:"none" help:"Role of every user in the repository: none, reader, or uploader, who may also create projects."`
	Public  bool   `help:"Allow reading without a token, if access.anonymous_read is set."`
	terminal.Listing
}

// changedRepository is a repository that was added or removed, in JSON.
type changedRepository struct {
	Name string `json:"name"`
}

// Run creates the repository.
func (c *repositoryAddCmd) Run(s *cli.Session) error {
	role, err := access.ParseRole(c.Members)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		err := a.Index.AddRepository(s.Ctx, a.Operator, catalog.NewRepository{Name: c.Name, Members: role, Public: c.Public})
		if err != nil {
			return err
		}
		return c.Report(s.Out, changedRepository{c.Name},
			fmt.Sprintf("repository %s was added: it is at /r/%s/simple/ and /r/%s/legacy/", c.Name, c.Name, c.Name))
	})
}

type repositoryRemoveCmd struct {
	Name string `arg:""`
	terminal.Listing
}

// Run removes the repository.
func (c *repositoryRemoveCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		err := a.Index.RemoveRepository(s.Ctx, a.Operator, c.Name)
		if err != nil {
			return err
		}
		return c.Report(s.Out, changedRepository{c.Name}, fmt.Sprintf("repository %s was removed", c.Name))
	})
}

type repositoryListCmd struct{ terminal.Listing }

type repositoryRow struct {
	Name    string          `json:"name"`
	Members string          `json:"members"`
	Public  bool            `json:"public"`  // if the index allows reading without a token
	Readers string          `json:"readers"` // in words
	Created terminal.Moment `json:"created"`
}

// Run lists the repositories.
func (c *repositoryListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		repositories, err := a.Index.Repositories(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		var list []repositoryRow
		var rows [][]string
		for _, r := range repositories {
			row := repositoryRow{r.Name, r.Members.String(), r.Public, r.Readers(a.Closed), terminal.Moment(r.CreatedAt)}
			list = append(list, row)
			rows = append(rows, []string{row.Name, row.Members, row.Readers, row.Created.String()})
		}
		return c.Write(s.Out, terminal.NotNil(list), []string{"NAME", "MEMBERS", "READ BY", "CREATED"}, rows)
	})
}
