package db

import (
	"context"

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
