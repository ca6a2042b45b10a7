package incident

import (
	"fmt"
	"slices"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// Quarantine has the commands that block the download of files and release them again.
type Quarantine struct {
	List    quarantineListCmd    `cmd:"" help:"List the files that are in quarantine."`
	Add     quarantineAddCmd     `cmd:"" help:"Hide a file and block its download."`
	Release quarantineReleaseCmd `cmd:"" help:"Make a quarantined file, or all of a project's, available again."`
}

type quarantineListCmd struct{ terminal.Listing }

// Run lists the files.
func (c *quarantineListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		all, err := a.Index.Quarantine(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		if c.JSON {
			return terminal.WriteJSON(s.Out, uploadRows(all))
		}
		if err := writeUploads(s, all, "no file is in quarantine"); err != nil || len(all) < catalog.MaxUploads {
			return err
		}
		fmt.Fprintln(s.Out, "these are the newest, there may be more: release or delete some to see them")
		return nil
	})
}

type quarantineAddCmd struct {
	Project string `arg:""`
	File    string `arg:"" help:"The file's name."`
	Reason  string `placeholder:"R" help:"Why; administrators read it."`
	cli.InRepository
}

// Run puts the file into quarantine.
func (c *quarantineAddCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Project, func(a *app.App, name packaging.ProjectName) error {
		if _, err := a.Index.Project(s.Ctx, a.Operator, c.Repository, name); err != nil {
			return err
		}
		err := a.Index.QuarantineFile(s.Ctx, a.Operator, c.Repository, name, c.File, c.Reason)
		return hinted(err, "index project show "+name.String()+" lists its files", fault.NotFound)
	})
}

type quarantineReleaseCmd struct {
	Project string `arg:""`
	File    string `arg:"" optional:"" help:"The file's name; without one, all files of the project."`
	cli.InRepository
}

// Run releases what is named.
func (c *quarantineReleaseCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Project, func(a *app.App, name packaging.ProjectName) error {
		const hint = "index quarantine list shows the files in quarantine"
		if c.File != "" {
			return hinted(a.Index.ReleaseFile(s.Ctx, a.Operator, c.Repository, name, c.File), hint, fault.NotFound,
				fault.Conflict)
		}
		n, err := a.Index.ReleaseFiles(s.Ctx, a.Operator, c.Repository, name)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "no file of %s is in quarantine: %s", name, hint)
		}
		fmt.Fprintf(s.Out, "released from quarantine: %d of %s\n", n, name)
		return nil
	})
}

// hinted adds a hint to an error of some kinds, about a file of a project that exists. It makes it a conflict, so that
// onProject does not say where to look for projects.
func hinted(err error, hint string, kinds ...fault.Kind) error {
	if err != nil && slices.Contains(kinds, fault.KindOf(err)) {
		return fault.Wrap(fault.Conflict, err, "%s: %s", fault.Message(err), hint)
	}
	return err
}
