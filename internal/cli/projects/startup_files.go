package projects

import (
	"fmt"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
)

type projectStartupFilesCmd struct {
	Project string `arg:""`
	Switch  string `arg:"" enum:"on,off" help:"on allows start-up files in new versions; off allows them only if an earlier version has one."`
	cli.InRepository
}

// Run changes the setting. It prints a note if the index refuses start-up files regardless.
func (c *projectStartupFilesCmd) Run(s *cli.Session) error {
	return s.OnProject(c.Repository, c.Project, func(a *app.App, name packaging.ProjectName) error {
		err := a.Index.SetStartupFiles(s.Ctx, a.Operator, c.Repository, name, c.Switch == "on")
		if err == nil && c.Switch == "on" && s.Config.Upload.StartupFiles == string(ingest.RefuseStartup) {
			fmt.Fprintln(s.Errs, "note: upload.startup_files = \"refuse\" refuses start-up files in all projects")
		}
		return err
	})
}
