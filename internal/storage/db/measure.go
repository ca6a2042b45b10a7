package db

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
)

// Totals are sums over the rows of an index.
type Totals struct {
	Repositories, Projects, Files int64
	Bytes                         int64 // of the files of this index
	Waiting                       int64 // stored objects that no file refers to: uploads in progress, or to be removed
	Database                      int64 // bytes
	NearProjects                  int64 // projects that use 80 % of their limit of size or more
	NearRepositories              int64 // the same for repositories
}

// Totals counts the rows. limits are those of projects without limits of their own. It reads an index of the
// projects and of the files, which takes about a second for ten million files, so callers keep the result for a while.
func (d *DB) Totals(ctx context.Context, limits catalog.Limits) (s Totals, err error) {
	err = d.view(ctx, func(t *Tx) (err error) {
		if s.Database, err = d.dialect.size(ctx, t); err != nil {
			return err
		}
		scan := func(r row) error {
			return r.Scan(&s.Repositories, &s.Bytes, &s.Projects, &s.Files, &s.Waiting)
		}
		err = t.query(ctx, scan, `SELECT (SELECT COUNT(*) FROM repositories),
			(SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM repositories), (SELECT COUNT(*) FROM projects),
			(SELECT COUNT(*) FROM files), (SELECT COUNT(*) FROM blobs WHERE NOT settled)`)
		if err != nil {
			return err
		}
		if s.NearProjects, err = t.countNear(ctx, "projects", limits.ProjectSize); err != nil {
			return err
		}
		s.NearRepositories, err = t.countNear(ctx, "repositories", limits.RepositorySize)
		return err
	})
	return s, err
}

// countNear counts the rows of a table that use 80 % of their limit of size or more, which is the configured one for
// those without a limit of their own.
func (t *Tx) countNear(ctx context.Context, table string, configured int64) (int64, error) {
	n, err := one(ctx, t, "number", scanNumber,
		`SELECT COUNT(*) FROM `+table+` WHERE size_limit > 0 AND size >= size_limit - size_limit / 5`)
	if err != nil || configured <= 0 {
		return n, err
	}
	rest, err := one(ctx, t, "number", scanNumber,
		`SELECT COUNT(*) FROM `+table+` WHERE size_limit = 0 AND size >= $1`, configured-configured/5)
	return n + rest, err
}

// Operations are the long-running tasks of an index and their results, for the operator.
type Operations struct {
	LastBackup time.Time        // when the data of the newest finished backup was read; zero if there is none
	Backups    int64            // backups that were not removed
	Leases     map[string]int64 // leases that hold back deletions now, by their kind: "backup", "export" or "migrate"
	Imports    int64            // imports that were begun and not finished
	Checks     []custody.Check  // the last check of the stored objects of each kind
	HasFiles   bool
}

// Operations returns the tasks of the index at a time.
func (d *DB) Operations(ctx context.Context, now time.Time) (o Operations, err error) {
	o.Leases = map[string]int64{}
	err = d.view(ctx, func(t *Tx) error {
		err := t.query(ctx, func(r row) error {
			var at int64
			err := r.Scan(&o.Backups, &at)
			if at > 0 {
				o.LastBackup = moment(at)
			}
			return err
		}, `SELECT COUNT(*), COALESCE(MAX(at), 0) FROM backups WHERE forgotten_at = 0`)
		if err != nil {
			return err
		}
		names, err := many(ctx, t, scanText, `SELECT name FROM leases WHERE ends_at > $1`, micros(now))
		if err != nil {
			return err
		}
		for _, name := range names {
			kind, _, _ := strings.Cut(name, ":")
			o.Leases[kind]++
		}
		found, err := many(ctx, t, scanNumber, `SELECT 1 FROM files LIMIT 1`)
		if err != nil {
			return err
		}
		o.HasFiles = len(found) > 0
		if o.Checks, err = t.Checks(ctx); err != nil {
			return err
		}
		o.Imports, err = one(ctx, t, "import", scanNumber, `SELECT COUNT(*) FROM imports WHERE finished_at = 0`)
		return err
	})
	return o, err
}

// Pool is the state of the connections to the database.
type Pool struct {
	InUse, Idle, Max int
	Waits            int64 // times that a caller had to wait for a connection
	Waited           time.Duration
}

// Pools returns the connections for reading and for writing.
func (d *DB) Pools() (read, write Pool) {
	of := func(s *sql.DB) Pool {
		n := s.Stats()
		return Pool{n.InUse, n.Idle, n.MaxOpenConnections, n.WaitCount, n.WaitDuration}
	}
	return of(d.read), of(d.write)
}
