package projects

import (
	"fmt"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

type projectLimitCmd struct {
	Project     string           `arg:""`
	FileSize    *config.ByteSize `placeholder:"S" help:"Maximum size of a file, such as 500MiB; 0 for the configured limit."`
	ProjectSize *config.ByteSize `placeholder:"S" help:"Maximum total size of the files, such as 20GiB; 0 for the configured limit."`
	cli.InRepository
	terminal.Listing
}

// limitsRow are the limits of a project in JSON, in bytes; 0 for none.
type limitsRow struct {
	Name           string `json:"name"`
	FileSize       int64  `json:"file_size"`
	ProjectSize    int64  `json:"project_size"`
	OwnFileSize    int64  `json:"own_file_size"` // 0 if the configured limit applies
	OwnProjectSize int64  `json:"own_project_size"`
}

// Run changes the given limits and prints the effective ones.
func (c *projectLimitCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Repository, c.Project, func(a *app.App, name packaging.ProjectName) error {
		p, err := a.Index.Project(s.Ctx, a.Operator, c.Repository, name)
		if err != nil {
			return err
		}
		l := p.Limits
		if c.FileSize != nil {
			l.FileSize = int64(*c.FileSize)
		}
		if c.ProjectSize != nil {
			l.ProjectSize = int64(*c.ProjectSize)
		}
		if c.FileSize != nil || c.ProjectSize != nil {
			if err := a.Index.SetLimits(s.Ctx, a.Operator, c.Repository, name, l); err != nil {
				return err
			}
		}
		holds, err := a.Index.Limits(s.Ctx, a.Operator, c.Repository, name)
		if err != nil {
			return err
		}
		return c.Report(s.Out, limitsRow{name.String(), holds.FileSize, holds.ProjectSize, l.FileSize, l.ProjectSize},
			fmt.Sprintf("%s: one file %s, all files %s", name, limitText(holds.FileSize, l.FileSize),
				limitText(holds.ProjectSize, l.ProjectSize)))
	})
}

type repositoryLimitCmd struct {
	Name string           `arg:""`
	Size *config.ByteSize `placeholder:"S" help:"Maximum total size of the files, such as 500GiB; 0 for the configured limit."`
	terminal.Listing
}

// repositoryLimitRow is the limit of a repository in JSON, in bytes; 0 for none.
type repositoryLimitRow struct {
	Name         string `json:"name"`
	Size         int64  `json:"size"`
	SizeLimit    int64  `json:"size_limit"`
	OwnSizeLimit int64  `json:"own_size_limit"` // 0 if the configured limit applies
}

// Run changes the limit, if one is given, and prints the effective one.
func (c *repositoryLimitCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		if c.Size != nil {
			n := int64(*c.Size)
			change := catalog.RepositoryChange{SizeLimit: &n}
			if err := a.Index.ChangeRepository(s.Ctx, a.Operator, c.Name, change); err != nil {
				return err
			}
		}
		r, err := a.Index.Repository(s.Ctx, a.Operator, c.Name)
		if err != nil {
			return err
		}
		use := a.Index.RepositoryLimitUse(r)
		text := fmt.Sprintf("%s: all files %s; %s used", r.Name, limitText(use.Limit, r.SizeLimit),
			terminal.SizeText(use.Used))
		if use.Limit > 0 {
			text += fmt.Sprintf(" (%d %%)", use.Percent())
		}
		return c.Report(s.Out, repositoryLimitRow{r.Name, use.Used, use.Limit, r.SizeLimit}, text)
	})
}

// limitText describes an effective limit, and whether it comes from the configuration.
func limitText(holds, own int64) string {
	text := "of any size"
	if holds > 0 {
		text = "up to " + terminal.SizeText(holds)
	}
	if own == 0 {
		text += " (as configured)"
	}
	return text
}
