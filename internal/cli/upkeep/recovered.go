package upkeep

import (
	"fmt"

	"pyindex/internal/app"
	"pyindex/internal/cli"
)

// Recovered is the last step of restoring a database. Servers that ran before the restore notice by themselves; nobody
// else can know which numbers were given and lost.
type Recovered struct {
	Beyond int64 `placeholder:"SERIAL" help:"The largest serial that a mirror or client is known to have seen."`
}

// Run starts a new epoch.
func (c *Recovered) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		n, err := a.DB.NewEpoch(s.Ctx, c.Beyond)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out,
			"the serial goes on at %d; running servers forget what they kept, and mirrors ask for each project again\n", n)
		return nil
	})
}
