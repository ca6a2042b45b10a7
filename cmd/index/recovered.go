package main

import "fmt"

// recoveredCmd is the last step of restoring a database. Servers that ran before the restore notice by themselves; nobody
// else can know which numbers were given and lost.
type recoveredCmd struct {
	Beyond int64 `placeholder:"SERIAL" help:"The largest serial that a mirror or client is known to have seen."`
}

// Run starts a new epoch.
func (c *recoveredCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		n, err := a.db.NewEpoch(s.ctx, c.Beyond)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "the serial goes on at %d; running servers forget what they kept, and mirrors ask for each project again\n", n)
		return nil
	})
}
