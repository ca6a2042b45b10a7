package db

import "context"

func (t *Tx) UpstreamExists(ctx context.Context, name string) (bool, error) {
	out, err := many(ctx, t, scanText, `SELECT name FROM upstreams WHERE name = $1`, name)
	return len(out) > 0, err
}
