package db

import (
	"context"
	"crypto/rand"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

func (t *Tx) UpstreamExists(ctx context.Context, name string) (bool, error) {
	out, err := many(ctx, t, scanText, `SELECT name FROM upstreams WHERE name = $1`, name)
	return len(out) > 0, err
}

func (t *Tx) SeenNames(ctx context.Context, repositoryID string) ([]packaging.ProjectName, error) {
	scan := func(r row) (packaging.ProjectName, error) {
		var name string
		if err := r.Scan(&name); err != nil {
			return packaging.ProjectName{}, err
		}
		return packaging.ParseProjectName(name)
	}
	return many(ctx, t, scan, `SELECT s.name FROM name_sources s JOIN names n ON n.name = s.name
		WHERE s.repository_id = $1 AND n.origin = 'upstream' ORDER BY s.name`, repositoryID)
}

// instanceKey is the row of keys with the id of this index.
const instanceKey = "instance"

// Instance returns a random id of the index in this database, which its replicas share. Requests to other indexes name
// it, so that a circle of upstreams can be recognized.
func (d *DB) Instance(ctx context.Context) (id string, err error) {
	read := func(t *Tx) (err error) {
		id, err = one(ctx, t, "key", scanText, `SELECT secret FROM keys WHERE name = $1`, instanceKey)
		return err
	}
	if err = d.view(ctx, read); !fault.Is(err, fault.NotFound) {
		return id, err
	}
	err = d.update(ctx, func(t *Tx) error {
		if _, err := t.exec(ctx, `INSERT INTO keys (name, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			instanceKey, strings.ToLower(rand.Text()[:16]), micros(d.options.Now())); err != nil {
			return err
		}
		return read(t)
	})
	return id, err
}
