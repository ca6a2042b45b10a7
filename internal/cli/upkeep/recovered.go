package upkeep

import (
	"fmt"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/terminal"
)

// Recovered is the last step of restoring a database. Running servers detect the restore by themselves, but the
// restored database cannot know which serials were used after its backup.
type Recovered struct {
	Beyond int64 `placeholder:"SERIAL" help:"Largest serial that a mirror or client is known to have seen."`
	terminal.Listing
}

// Run starts a new epoch of serials.
func (c *Recovered) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		n, err := a.DB.NewEpoch(s.Ctx, c.Beyond)
		if err != nil {
			return err
		}
		return c.Report(s.Out, map[string]any{"serial": n}, fmt.Sprintf(
			"the serial continues at %d; running servers discard their caches, and mirrors fetch every project again", n))
	})
}
