package projects

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// Upload adds files to the index.
type Upload struct {
	Files []string `arg:"" name:"file" help:"Wheels and source distributions."`
	cli.InRepository
	StartupFiles bool `help:"Accept wheels with files that run code whenever Python starts, although no earlier version of the project has one."`
}

// Run adds the files one by one and prints the result of each. It continues after a refused file.
func (c *Upload) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		refused := 0
		for _, path := range c.Files {
			if err := c.add(s, a, path); err != nil {
				refused++
				terminal.Complain(s.Errs, fmt.Errorf("%s: %w", path, err))
			}
		}
		if refused > 0 {
			return fmt.Errorf("%d of %d files were not added", refused, len(c.Files))
		}
		return nil
	})
}

func (c *Upload) add(s *cli.Session, a *app.App, path string) (err error) {
	name, _ := packaging.ProjectOf(filepath.Base(path)) // Publish reports an invalid file name
	in, err := a.Index.Begin(s.Ctx, a.Operator, c.Repository, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Discard()) }()
	if err := read(in, path); err != nil {
		return err
	}
	got, err := a.Index.Publish(s.Ctx, in, ingest.Upload{Filename: filepath.Base(path), Startup: c.StartupFiles})
	if err != nil {
		return err
	}
	what := "added"
	if !got.Created {
		what = "already there"
	}
	fmt.Fprintf(s.Out, "%s: %s\n", got.File.Filename, what)
	for _, warning := range got.Warnings {
		fmt.Fprintf(s.Errs, "%s: %s\n", got.File.Filename, warning)
	}
	return nil
}

func read(to io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(to, f)
	return err
}
