// Package projects has the commands about repositories, projects, names and files.
package projects

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// Project has the commands about projects and their releases.
type Project struct {
	List   projectListCmd   `cmd:"" help:"List the projects."`
	Show   projectShowCmd   `cmd:"" help:"Show a project with its releases and files."`
	Yank   projectYankCmd   `cmd:"" help:"Yank a release: installers ignore it unless it is requested by its exact version."`
	Unyank projectUnyankCmd `cmd:"" help:"Undo the yank of a release."`
	Delete projectDeleteCmd `cmd:"" help:"Delete a release or a whole project. The names of its files can never be used again."`
	Status projectStatusCmd `cmd:"" help:"Set the status of a project: active, archived, deprecated or quarantined."`

	Downloads projectDownloadsCmd `cmd:"" help:"List the users and CI jobs that downloaded files of a project or a version, of this index or of an upstream."`

	Limit projectLimitCmd `cmd:"" help:"Show or change the size limits of a project."`

	StartupFiles projectStartupFilesCmd `cmd:"" name:"startup-files" help:"Allow or disallow new files that run code whenever Python starts (.pth, .start) in a project."`
	TrustedOnly  projectTrustedOnlyCmd  `cmd:"" name:"trusted-only" help:"Allow only trusted publishers to upload to a project, or API tokens too."`
}

type projectListCmd struct {
	terminal.Listing
	cli.InRepository
}

type projectRow struct {
	Name    string          `json:"name"`
	Display string          `json:"display_name"`
	Status  catalog.Status  `json:"status"`
	Reason  string          `json:"status_reason,omitempty"`
	Size    int64           `json:"size"`
	Serial  int64           `json:"serial"`
	Created terminal.Moment `json:"created"`
	Trusted bool            `json:"trusted_only"`
	Startup bool            `json:"startup_files"`
}

func describe(p catalog.Project) projectRow {
	return projectRow{
		p.Name.String(), p.Display, p.Status, p.StatusReason, p.Size, p.Serial, terminal.Moment(p.CreatedAt), p.TrustedOnly,
		p.StartupFiles,
	}
}

// Run lists the projects.
func (c *projectListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		projects, err := a.Index.Managed(s.Ctx, a.Operator, c.Repository)
		if err != nil {
			return err
		}
		var list []projectRow
		var rows [][]string
		for _, p := range projects {
			r := describe(p)
			list = append(list, r)
			rows = append(rows, []string{r.Name, string(r.Status), terminal.SizeText(r.Size), r.Created.String()})
		}
		return c.Write(s.Out, terminal.NotNil(list), []string{"NAME", "STATUS", "SIZE", "CREATED"}, rows)
	})
}

type projectShowCmd struct {
	Project string `arg:""`
	terminal.Listing
	cli.InRepository
}

type fileRow struct {
	Filename string          `json:"filename"`
	Version  string          `json:"version"`
	Size     int64           `json:"size"`
	SHA256   string          `json:"sha256"`
	Yanked   bool            `json:"yanked"`
	Reason   string          `json:"yanked_reason,omitempty"`
	Uploaded terminal.Moment `json:"uploaded"`

	Quarantined      terminal.Moment `json:"quarantined"`
	QuarantineReason string          `json:"quarantine_reason,omitempty"`
}

// Run shows the project.
func (c *projectShowCmd) Run(s *cli.Session) error {
	name, err := packaging.ParseProjectName(c.Project)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		found, err := a.Index.ManagedContents(s.Ctx, a.Operator, c.Repository, name)
		if err != nil {
			return cli.InPlain(err, name)
		}
		return c.show(s, found)
	})
}

func (c *projectShowCmd) show(s *cli.Session, found catalog.ManagedContents) error {
	var list []fileRow
	var rows [][]string
	for _, f := range found.Files {
		r := fileRow{
			f.Filename, f.Version, f.Size, f.SHA256, f.Yanked, f.YankedReason, terminal.Moment(f.UploadedAt),
			terminal.Moment(f.QuarantinedAt), f.QuarantineReason,
		}
		list = append(list, r)
		rows = append(rows,
			[]string{
				r.Filename, r.Version, terminal.SizeText(r.Size), terminal.Yes(r.Yanked), r.Uploaded.String(),
				r.Quarantined.String(),
			})
	}
	p := describe(found.Project)
	if !c.JSON {
		fmt.Fprintf(s.Out, "%s: %s, %s, %s%s%s\n", p.Display, p.Status, terminal.SizeText(p.Size),
			terminal.Plural(int64(found.Releases), "release"),
			trustText(p.Trusted), quarantineText(found.Counts))
	}
	whole := struct {
		projectRow
		Files []fileRow `json:"files"`
	}{p, terminal.NotNil(list)}
	return c.Write(s.Out, whole, []string{"FILE", "VERSION", "SIZE", "YANKED", "UPLOADED", "QUARANTINED"}, rows)
}

// quarantineText reports how many files of a project are in quarantine. It returns "" if there are none.
func quarantineText(c catalog.Counts) string {
	if c.Quarantined == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of %s in quarantine", c.Quarantined, terminal.Plural(int64(c.Files), "file"))
}

// release has the arguments that name a release.
type release struct {
	Project string `arg:""`
	Version string `arg:""`
	cli.InRepository
}

type projectYankCmd struct {
	release
	Reason string `placeholder:"R" help:"Reason, shown by installers."`
}

// Run yanks the release.
func (c *projectYankCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Repository, c.Project, func(a *app.App, name packaging.ProjectName) error {
		return a.Index.Yank(s.Ctx, a.Operator, c.Repository, name, c.Version, c.Reason)
	})
}

type projectUnyankCmd struct{ release }

// Run undoes a yank.
func (c *projectUnyankCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Repository, c.Project, func(a *app.App, name packaging.ProjectName) error {
		return a.Index.Unyank(s.Ctx, a.Operator, c.Repository, name, c.Version)
	})
}

type projectDeleteCmd struct {
	Project string `arg:""`
	Version string `arg:"" optional:"" help:"Delete only this release."`
	cli.InRepository
	Yes bool `short:"y" help:"Do not ask for confirmation."`
}

// Run deletes the release or project, after the user has confirmed by typing the project's name or given --yes. It does
// not ask about a project or release that does not exist.
func (c *projectDeleteCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Repository, c.Project, func(a *app.App, name packaging.ProjectName) error {
		if err := c.exists(s, a, name); err != nil {
			return err
		}
		if !c.Yes {
			if err := c.confirm(s); err != nil {
				return err
			}
		}
		if c.Version != "" {
			return a.Index.DeleteRelease(s.Ctx, a.Operator, c.Repository, name, c.Version)
		}
		return a.Index.DeleteProject(s.Ctx, a.Operator, c.Repository, name)
	})
}

// exists returns fault.NotFound if there is nothing to delete.
func (c *projectDeleteCmd) exists(s *cli.Session, a *app.App, name packaging.ProjectName) error {
	found, err := a.Index.ManagedContents(s.Ctx, a.Operator, c.Repository, name)
	if err != nil || c.Version == "" {
		return err
	}
	version, err := packaging.ParseVersion(c.Version)
	if err != nil {
		return err
	}
	has := func(f catalog.File) bool {
		v, err := packaging.ParseVersion(f.Version)
		return err == nil && v.Key() == version.Key()
	}
	if !slices.ContainsFunc(found.Files, has) {
		return fault.New(fault.NotFound, "project %s has no release %s", name, version)
	}
	return nil
}

// kept explains that the name of a deleted project is reserved. It returns "" if only a release is deleted.
func (c *projectDeleteCmd) kept() string {
	if c.Version != "" {
		return ""
	}
	return ", and for 90 days only the owners and administrators can create the project again"
}

func (c *projectDeleteCmd) confirm(s *cli.Session) error {
	fmt.Fprintf(s.Errs, "The names of the deleted files can never be used again%s. Type %s to delete %s: ", c.kept(),
		c.Project, strings.TrimSpace(c.Project+" "+c.Version))
	line, _ := bufio.NewReader(s.In).ReadString('\n')
	if strings.TrimSpace(line) != c.Project {
		fmt.Fprintln(s.Errs)
		return fault.New(fault.Invalid, "nothing was deleted: type the project's name, or use --yes")
	}
	return nil
}

type projectStatusCmd struct {
	Project string `arg:""`
	Status  string `arg:"" enum:"active,archived,deprecated,quarantined" help:"Status: active, archived, deprecated or quarantined."`
	Reason  string `placeholder:"R" help:"Reason, which clients may show."`
	cli.InRepository
}

// Run sets the status.
func (c *projectStatusCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Repository, c.Project, func(a *app.App, name packaging.ProjectName) error {
		return a.Index.SetStatus(s.Ctx, a.Operator, c.Repository, name, catalog.Status(c.Status), c.Reason)
	})
}
