package db

import (
	"context"
	"os"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
)

func (t *Tx) Usage(ctx context.Context, largest int) (u catalog.Usage, err error) {
	if u.Database, err = t.db.dialect.size(ctx, t); err != nil {
		return u, err
	}
	err = t.query(ctx, func(r row) error { return r.Scan(&u.Files, &u.Bytes) },
		`SELECT COUNT(*), COALESCE(SUM(size), 0) FROM files`)
	if err != nil {
		return u, err
	}
	err = t.query(ctx, func(r row) error { return r.Scan(&u.Waiting) }, `SELECT COUNT(*) FROM blobs WHERE NOT settled`)
	if err != nil {
		return u, err
	}
	u.Repositories, err = many(ctx, t, func(r row) (x catalog.RepositoryUsage, err error) {
		err = r.Scan(&x.Name, &x.Projects, &x.Bytes, &x.SizeLimit)
		return x, err
	}, `SELECT r.name, (SELECT COUNT(*) FROM projects p WHERE p.repository_id = r.id), r.size, r.size_limit
		FROM repositories r ORDER BY r.name`)
	if err != nil {
		return u, err
	}
	u.Largest, err = many(ctx, t, scanProjectUsage, selectProjectUsage+` ORDER BY p.size DESC, p.name LIMIT $1`,
		int64(largest))
	return u, err
}

const selectProjectUsage = `SELECT r.name, p.name, p.size, p.size_limit
	FROM projects p JOIN repositories r ON r.id = p.repository_id`

func scanProjectUsage(r row) (x catalog.ProjectUsage, err error) {
	err = r.Scan(&x.Repository, &x.Project, &x.Bytes, &x.SizeLimit)
	return x, err
}

func (t *Tx) ProjectsNear(ctx context.Context, configured int64, limit int) ([]catalog.ProjectUsage, error) {
	out, err := many(ctx, t, scanProjectUsage, selectProjectUsage+` WHERE p.size_limit > 0
		AND p.size >= p.size_limit - p.size_limit / 5 ORDER BY p.size DESC, p.name LIMIT $1`, limit)
	if err != nil || configured <= 0 {
		return out, err
	}
	rest, err := many(ctx, t, scanProjectUsage, selectProjectUsage+` WHERE p.size_limit = 0 AND p.size >= $2
		ORDER BY p.size DESC, p.name LIMIT $1`, limit, configured-configured/5)
	return append(out, rest...), err
}

// sumOfProjects is the sum of the sizes of the projects of a row of repositories.
const sumOfProjects = `(SELECT CAST(COALESCE(SUM(p.size), 0) AS BIGINT) FROM projects p WHERE p.repository_id = repositories.id)`

func (t *Tx) RepositorySizesDiffer(ctx context.Context) (bool, error) {
	out, err := many(ctx, t, scanCount, `SELECT 1 FROM repositories WHERE size <> `+sumOfProjects+` LIMIT 1`)
	return len(out) > 0, err
}

func (t *Tx) RecountRepositories(ctx context.Context) error {
	_, err := t.exec(ctx, `UPDATE repositories SET size = `+sumOfProjects+` WHERE size <> `+sumOfProjects)
	return err
}

// sizeSQLite returns the size of the file and its write-ahead log.
func sizeSQLite(_ context.Context, t *Tx) (n int64, err error) {
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(t.db.path + suffix); err == nil {
			n += info.Size()
		}
	}
	return n, nil
}

func sizePostgres(ctx context.Context, t *Tx) (int64, error) {
	return one(ctx, t, "database", scanNumber, `SELECT pg_database_size(current_database())`)
}

// microsPerDay is the length of a day in microseconds.
const microsPerDay = int64(24 * time.Hour / time.Microsecond)

func (t *Tx) Days(ctx context.Context, since time.Time, actions []string) (out []catalog.Day, err error) {
	at := map[string]int{}
	for _, action := range actions {
		err := t.query(ctx, func(r row) error {
			var day, n int64
			var outcome string
			if err := r.Scan(&day, &outcome, &n); err != nil {
				return err
			}
			d := catalog.Day{Date: moment(day * microsPerDay), Activity: action}
			key := action + d.Date.String()
			i, ok := at[key]
			if !ok {
				i = len(out)
				at[key], out = i, append(out, d)
			}
			if outcome == string(audit.Granted) {
				out[i].Granted += int(n)
			} else {
				out[i].Refused += int(n)
			}
			return nil
		}, `SELECT at / 86400000000, outcome, COUNT(*) FROM audit WHERE action = $1 AND at >= $2 GROUP BY at / 86400000000, outcome ORDER BY 1`, action, micros(since))
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *Tx) AddDownloads(ctx context.Context, day time.Time, projectID, version string, n int64) error {
	_, err := t.exec(ctx, `INSERT INTO downloads (day, project_id, version, downloads) VALUES ($1, $2, $3, $4)
		ON CONFLICT (day, project_id, version) DO UPDATE SET downloads = downloads.downloads + excluded.downloads`, micros(day), projectID, version, n)
	return err
}

func (t *Tx) Downloads(ctx context.Context, since time.Time, projectID, version string) ([]catalog.Day, error) {
	scan := func(r row) (d catalog.Day, err error) {
		var day, n int64
		err = r.Scan(&day, &n)
		d.Date, d.Granted, d.Activity = moment(day), int(n), "download"
		return d, err
	}
	if projectID == "" {
		return many(ctx, t, scan, `SELECT day, SUM(downloads) FROM downloads WHERE day >= $1 GROUP BY day ORDER BY day`,
			micros(since))
	}
	if version == "" {
		return many(ctx, t, scan,
			`SELECT day, SUM(downloads) FROM downloads WHERE project_id = $1 AND day >= $2 GROUP BY day ORDER BY day`,
			projectID, micros(since))
	}
	return many(ctx, t, scan,
		`SELECT day, SUM(downloads) FROM downloads WHERE project_id = $1 AND day >= $2 AND version = $3 GROUP BY day ORDER BY day`,
		projectID, micros(since), version)
}

func (t *Tx) DeleteDownloadsBefore(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM downloads WHERE day < $1`, micros(before))
	return err
}
