package upkeep

import (
	"errors"
	"fmt"

	"pyindex/internal/app"
	"pyindex/internal/cli"
)

// GC deletes objects and rows that are no longer needed.
type GC struct{}

// Run deletes the objects of deleted files and abandoned uploads, and expired tokens and pending publishers. A running
// server does the same regularly.
func (c *GC) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		n, err := a.Index.Custody.Sweep(s.Ctx, a.Operator)
		if err == nil {
			fmt.Fprintf(s.Out, "%d stored objects were removed\n", n)
		}
		return errors.Join(err, a.Registry.Sweep(s.Ctx))
	})
}
