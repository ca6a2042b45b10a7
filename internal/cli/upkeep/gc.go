package upkeep

import (
	"errors"
	"fmt"
	"time"

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
		out, text := map[string]any{"removed": n}, fmt.Sprintf("%d stored objects were removed", n)
		if l, held, err := a.Index.Custody.Leased(s.Ctx); err != nil {
			return err
		} else if held {
			out["held_back_since"] = l.Since
			text += fmt.Sprintf("; a backup has been running since %s, and the others are removed when it is done",
				l.Since.Format(time.DateTime))
		}
		return c.Report(s.Out, out, text)
	})
}
