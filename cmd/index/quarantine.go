package main

import (
	"fmt"
	"slices"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

type quarantineCmd struct {
	List    quarantineListCmd    `cmd:"" help:"List the files that are in quarantine."`
	Add     quarantineAddCmd     `cmd:"" help:"Hide a file and block its download."`
	Release quarantineReleaseCmd `cmd:"" help:"Make a quarantined file, or all of a project's, available again."`
}

type quarantineListCmd struct{ listing }

// Run lists the files.
func (c *quarantineListCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		all, err := a.index.Quarantine(s.ctx, a.operator)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(s.out, uploadRows(all))
		}
		if err := writeUploads(s, all, "no file is in quarantine"); err != nil || len(all) < catalog.MaxUploads {
			return err
		}
		fmt.Fprintln(s.out, "these are the newest, there may be more: release or delete some to see them")
		return nil
	})
}

type quarantineAddCmd struct {
	Project string `arg:""`
	File    string `arg:"" help:"The file's name."`
	Reason  string `placeholder:"R" help:"Why; administrators read it."`
	inRepository
}

// Run puts the file into quarantine.
func (c *quarantineAddCmd) Run(s *session) error {
	return s.onProject(c.Project, func(a *app, name packaging.ProjectName) error {
		if _, err := a.index.Project(s.ctx, a.operator, c.Repository, name); err != nil {
			return err
		}
		err := a.index.QuarantineFile(s.ctx, a.operator, c.Repository, name, c.File, c.Reason)
		return hinted(err, "index project show "+name.String()+" lists its files", fault.NotFound)
	})
}

type quarantineReleaseCmd struct {
	Project string `arg:""`
	File    string `arg:"" optional:"" help:"The file's name; without one, all files of the project."`
	inRepository
}

// Run releases what is named.
func (c *quarantineReleaseCmd) Run(s *session) error {
	return s.onProject(c.Project, func(a *app, name packaging.ProjectName) error {
		const hint = "index quarantine list shows the files in quarantine"
		if c.File != "" {
			return hinted(a.index.ReleaseFile(s.ctx, a.operator, c.Repository, name, c.File), hint, fault.NotFound, fault.Conflict)
		}
		n, err := a.index.ReleaseFiles(s.ctx, a.operator, c.Repository, name)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "no file of %s is in quarantine: %s", name, hint)
		}
		fmt.Fprintf(s.out, "released from quarantine: %d of %s\n", n, name)
		return nil
	})
}

// hinted adds a hint to an error of some kinds, about a file of a project that exists. It makes it a conflict, so that onProject
// does not say where to look for projects.
func hinted(err error, hint string, kinds ...fault.Kind) error {
	if err != nil && slices.Contains(kinds, fault.KindOf(err)) {
		return fault.Wrap(fault.Conflict, err, "%s: %s", fault.Message(err), hint)
	}
	return err
}
