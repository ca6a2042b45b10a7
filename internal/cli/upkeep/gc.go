package upkeep

import (
	"errors"
	"fmt"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/terminal"
)

// GC deletes objects and rows that are no longer needed.
type GC struct{ terminal.Listing }

// Run deletes the objects of deleted files and abandoned uploads, and expired tokens and pending publishers. A running
// server does the same regularly.
func (c *GC) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		n, err := a.Index.Custody.Sweep(s.Ctx, a.Operator)
		if err = errors.Join(err, a.Registry.Sweep(s.Ctx)); err != nil {
			return err
		}
		return c.Report(s.Out, map[string]any{"removed": n}, fmt.Sprintf("%d stored objects were removed", n))
	})
}
