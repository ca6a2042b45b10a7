package transfer

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/google/uuid"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/terminal"
	"pyindex/internal/transfer/exported"
	"pyindex/internal/version"
)

// Export writes everything that repositories contain into a folder.
type Export struct {
	Dir        string   `arg:"" help:"Folder: new, empty, or with an earlier export, which is brought up to date."`
	Repository []string `sep:"none" placeholder:"R" help:"Repository to export. Can be repeated (default: all)."`
	Project    string   `placeholder:"PATTERN" help:"Export only the projects with these normal names, for example 'acme-*'."`
	terminal.Listing
}

// Run exports while servers continue to run.
func (c *Export) Run(s *cli.Session) error {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		progress := terminal.NewProgress(s.Errs, c.JSON)
		repositories := slices.Compact(slices.Sorted(slices.Values(c.Repository)))
		done, err := exported.Write(s.Ctx, a.DB.Exports(), a.Index.Custody, a.Operator, exported.Options{
			Dir: dir, Selection: exported.Selection{Repositories: repositories, Project: c.Project},
			Program: version.Read().Version, Instance: a.Instance, BaseURL: a.Base.String(),
			Leases: a.DB, Progress: progress, NewID: uuid.NewString,
		})
		progress.Done()
		if err != nil {
			return terminal.Interrupted(err, "the export is not finished; run it again to continue")
		}
		if err := c.report(s, dir, done); err != nil {
			return err
		}
		if n := len(done.Header.Missing); n > 0 {
			return fault.New(fault.Unavailable,
				"the content of %s is missing or damaged in the index and is not in the export: index doctor --bytes shows more",
				terminal.Plural(int64(n), "file"))
		}
		return nil
	})
}

func (c *Export) report(s *cli.Session, dir string, done exported.Done) error {
	if c.JSON {
		return terminal.WriteJSON(s.Out, done)
	}
	for _, r := range done.Header.Repositories {
		fmt.Fprintf(s.Out, "repository %s: %s, %s (%s)\n", r.Name, terminal.Plural(r.Projects, "project"),
			terminal.Plural(r.Files, "file"), terminal.SizeText(r.Bytes))
	}
	for _, name := range done.Header.Missing {
		fmt.Fprintf(s.Out, "missing: %s\n", name)
	}
	fmt.Fprintf(s.Out, "%s written (%s), %d unchanged, %d removed\n", terminal.Plural(done.Written, "object"),
		terminal.SizeText(done.WrittenBytes), done.Present, done.Removed)
	_, err := fmt.Fprintf(s.Out, "the export is in %s; any web server can serve its folders, for example:\n"+
		"  python3 -m http.server --directory %s 8000   # http://localhost:8000/REPOSITORY/simple/\n", dir,
		terminal.Quote(dir))
	return err
}
