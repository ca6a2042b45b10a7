package main

import (
	"fmt"

	"pyindex/internal/packaging"
)

type projectLimitCmd struct {
	Project     string    `arg:""`
	FileSize    *byteSize `placeholder:"S" help:"Largest file, such as 500MB; 0 for what is configured."`
	ProjectSize *byteSize `placeholder:"S" help:"All files together, such as 20GB; 0 for what is configured."`
	inRepository
}

// Run changes the limits that are named, leaves the others, and tells what holds now.
func (c *projectLimitCmd) Run(s *session) error {
	return s.onProject(c.Project, func(a *app, name packaging.ProjectName) error {
		p, err := a.index.Project(s.ctx, a.operator, c.Repository, name)
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
			if err := a.index.SetLimits(s.ctx, a.operator, c.Repository, name, l); err != nil {
				return err
			}
		}
		holds, err := a.index.Limits(s.ctx, a.operator, c.Repository, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s: one file %s, all files %s\n", name, limitText(holds.FileSize, l.FileSize), limitText(holds.ProjectSize, l.ProjectSize))
		return nil
	})
}

// limitText says what holds and whether it is the project's own.
func limitText(holds, own int64) string {
	text := "of any size"
	if holds > 0 {
		text = "up to " + sizeText(holds)
	}
	if own == 0 {
		text += " (as configured)"
	}
	return text
}
