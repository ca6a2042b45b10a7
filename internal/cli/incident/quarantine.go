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
	List    quarantineListCmd    `cmd:"" help:"List the quarantined files."`
	Add     quarantineAddCmd     `cmd:"" help:"Hide a file and block its download."`
	Release quarantineReleaseCmd `cmd:"" help:"Release one quarantined file of a project, or all of them."`
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
		fmt.Fprintln(s.Out, "only the newest files are listed; release or delete some to see the others")
		return nil
	})
}

type quarantineAddCmd struct {
	Project string `arg:""`
	File    string `arg:"" help:"Name of the file."`
	Reason  string `placeholder:"R" help:"Reason, shown to administrators."`
	cli.InRepository
}

// Run puts the file into quarantine.
func (c *quarantineAddCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Repository, c.Project, func(a *app.App, name packaging.ProjectName) error {
		if _, err := a.Index.Project(s.Ctx, a.Operator, c.Repository, name); err != nil {
			return err
		}
		err := a.Index.QuarantineFile(s.Ctx, a.Operator, c.Repository, name, c.File, c.Reason)
		return hinted(err, "index project show "+name.String()+" lists its files", fault.NotFound)
	})
}

type quarantineReleaseCmd struct {
	Project string `arg:""`
	File    string `arg:"" optional:"" help:"Name of the file (default: all files of the project)."`
	cli.InRepository
	terminal.Listing
}

// releasedFiles is the result of a release in JSON.
type releasedFiles struct {
	Project  string `json:"project"`
	Released int    `json:"released"`
}

// Run releases the named file, or all files of the project.
func (c *quarantineReleaseCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Repository, c.Project, func(a *app.App, name packaging.ProjectName) error {
		const hint = "index quarantine list shows the files in quarantine"
		if c.File != "" {
			if err := a.Index.ReleaseFile(s.Ctx, a.Operator, c.Repository, name, c.File); err != nil {
				return hinted(err, hint, fault.NotFound, fault.Conflict)
			}
			return c.Report(s.Out, releasedFiles{name.String(), 1}, fmt.Sprintf("released from quarantine: %s", c.File))
		}
		n, err := a.Index.ReleaseFiles(s.Ctx, a.Operator, c.Repository, name)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "no file of %s is in quarantine: %s", name, hint)
		}
		return c.Report(s.Out, releasedFiles{name.String(), int(n)},
			fmt.Sprintf("released from quarantine: %d of %s", n, name))
	})
}

// hinted adds a hint to err if err is one of kinds. It turns err into a fault.Conflict, so that OnProject does not add
// a hint of its own.
func hinted(err error, hint string, kinds ...fault.Kind) error {
	if err != nil && slices.Contains(kinds, fault.KindOf(err)) {
		return fault.Wrap(fault.Conflict, err, "%s: %s", fault.Message(err), hint)
	}
	return err
}
