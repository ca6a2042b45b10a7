package main

import (
	"fmt"
	"time"
)

// believed says how long a server that cannot reach the database may go on with a right that was just taken away; nothing
// where there is one process, or where servers do not go on without the database.
func (s *session) believed(a *app) error {
	if d := a.config.believedFor(); d > 0 {
		_, err := fmt.Fprintf(s.out, "this takes effect on the next request; a server that cannot reach the database may still accept it for up to %d seconds (database.bridge)\n", int64(d.Seconds()))
		return err
	}
	return nil
}

// believedFor is how long a server that is cut off believes what another process ended meanwhile. A file of SQLite is on the
// same machine.
func (c *Config) believedFor() time.Duration {
	if c.sqlitePath() != "" {
		return 0
	}
	return time.Duration(c.Database.Bridge)
}
