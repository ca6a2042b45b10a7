package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
)

type uploadCmd struct {
	Files []string `arg:"" name:"file" help:"Wheels and source distributions."`
	inRepository
}

// Run adds the files one after the other, says what became of each, and goes on after a refusal.
func (c *uploadCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		refused := 0
		for _, path := range c.Files {
			if err := c.add(s, a, path); err != nil {
				refused++
				complain(s.errs, statusRefused, fmt.Errorf("%s: %w", path, err))
			}
		}
		if refused > 0 {
			return fmt.Errorf("%d of %d files were not added", refused, len(c.Files))
		}
		return nil
	})
}

func (c *uploadCmd) add(s *session, a *app, path string) (err error) {
	name, _ := packaging.ProjectOf(filepath.Base(path)) // what is wrong with it Publish says
	in, err := a.index.Begin(s.ctx, a.operator, c.Repository, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Discard()) }()
	if err := read(in, path); err != nil {
		return err
	}
	got, err := a.index.Publish(s.ctx, in, ingest.Upload{Filename: filepath.Base(path)})
	if err != nil {
		return err
	}
	what := "added"
	if !got.Created {
		what = "there already"
	}
	fmt.Fprintf(s.out, "%s: %s\n", got.File.Filename, what)
	for _, warning := range got.Warnings {
		fmt.Fprintf(s.errs, "%s: %s\n", got.File.Filename, warning)
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
