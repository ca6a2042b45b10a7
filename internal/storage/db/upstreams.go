package db

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
)

func scanUpstream(r row) (upstream.Upstream, error) {
	u := upstream.Default()
	var settings string
	var created int64
	if err := r.Scan(&u.Name, &settings, &u.Declared, &u.Revision, &created); err != nil {
		return u, err
	}
	u.CreatedAt = moment(created)
	values := map[string]any{}
	if err := decode(settings, &values); err != nil {
		return u, err
	}
	for _, key := range upstream.Keys() { // a newer version may have written more
		if v, ok := values[key]; ok && key != "name" {
			if err := u.Set(key, v); err != nil {
				return u, err
			}
		}
	}
	return u, nil
}

// Upstreams sorts names in Go because the databases sort text differently.
func (t *Tx) Upstreams(ctx context.Context) ([]upstream.Upstream, error) {
	out, err := many(ctx, t, scanUpstream, `SELECT name, settings, declared, revision, created_at FROM upstreams`)
	slices.SortFunc(out, func(a, b upstream.Upstream) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

func (t *Tx) InsertUpstream(ctx context.Context, u upstream.Upstream) error {
	settings, err := encode(u.Values())
	if err != nil {
		return err
	}
	return t.insert(ctx, "upstream "+u.Name, `INSERT INTO upstreams (name, settings, declared, revision, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, u.Name, settings, u.Declared, u.Revision, micros(u.CreatedAt))
}

func (t *Tx) UpdateUpstream(ctx context.Context, u upstream.Upstream) error {
	settings, err := encode(u.Values())
	if err != nil {
		return err
	}
	did, err := t.did(ctx, `UPDATE upstreams SET settings = $2, declared = $3, revision = $4 WHERE name = $1`,
		u.Name, settings, u.Declared, u.Revision)
	if err == nil && !did {
		return fault.New(fault.NotFound, "no such upstream")
	}
	return err
}

// DeleteUpstream leaves the content of the upstream's files, unless something else references it, to the sweep of
// abandoned keys.
func (t *Tx) DeleteUpstream(ctx context.Context, name string) error {
	_, err := t.exec(ctx, `UPDATE blobs SET settled = FALSE, since = $2 WHERE NOT dropping AND (
		(part = 'files' AND EXISTS (SELECT 1 FROM upstream_files u
			WHERE u.upstream = $1 AND u.sha256 = blobs.sha256 AND u.generation = blobs.generation AND u.stored))
		OR (part = 'metadata' AND EXISTS (SELECT 1 FROM upstream_files u WHERE u.upstream = $1 AND u.metadata_stored
			AND u.metadata_sha256 = blobs.sha256 AND u.metadata_generation = blobs.generation))
		OR (part = 'metadata' AND EXISTS (SELECT 1 FROM upstream_files u WHERE u.upstream = $1 AND u.provenance_stored
			AND u.provenance_sha256 = blobs.sha256 AND u.provenance_generation = blobs.generation)))`,
		name, micros(t.db.options.Now()))
	for _, q := range []string{
		`DELETE FROM upstream_pages WHERE upstream = $1`,
		`DELETE FROM upstream_left WHERE upstream = $1`,
		`DELETE FROM upstream_lists WHERE upstream = $1`,
		`DELETE FROM upstream_leases WHERE upstream = $1`,
		`DELETE FROM upstream_files WHERE upstream = $1`,
		`DELETE FROM upstreams WHERE name = $1`,
	} {
		if err == nil {
			_, err = t.exec(ctx, q, name)
		}
	}
	return err
}

func (t *Tx) RepositoryBases(ctx context.Context) ([]upstream.Link, error) {
	scan := func(r row) (l upstream.Link, err error) {
		err = r.Scan(&l.RepositoryID, &l.Repository, &l.BaseID, &l.Upstream)
		return l, err
	}
	out, err := many(ctx, t, scan, `SELECT b.repository_id, r.name, b.base_id, b.upstream FROM repository_bases b
		JOIN repositories r ON r.id = b.repository_id ORDER BY b.repository_id, b.position`)
	slices.SortStableFunc(out, func(a, b upstream.Link) int { return cmp.Compare(a.Repository, b.Repository) })
	return out, err
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
		LEFT JOIN name_rulings d ON d.repository_id = s.repository_id AND d.name = s.name
		WHERE s.repository_id = $1 AND (COALESCE(d.origin, n.origin) = 'upstream' OR d.origin = 'both') ORDER BY s.name`,
		repositoryID)
}

// instanceKey is the row of keys with the id of this index.
const instanceKey = "instance"

// Instance returns a random id of the index in this database, which its replicas share. Requests to other indexes name
// it, so that a circle of upstreams can be recognized.
func (d *DB) Instance(ctx context.Context) (id string, err error) {
	read := func(t *Tx) (err error) {
		id, err = t.instance(ctx)
		return err
	}
	if err = d.view(ctx, read); !fault.Is(err, fault.NotFound) {
		return id, err
	}
	err = d.update(ctx, func(t *Tx) error {
		if err := t.putInstance(ctx); err != nil {
			return err
		}
		return read(t)
	})
	return id, err
}

// instance returns the id of this index, or fault.NotFound if it has none yet.
func (t *Tx) instance(ctx context.Context) (string, error) {
	return one(ctx, t, "key", scanText, `SELECT secret FROM keys WHERE name = $1`, instanceKey)
}

// putInstance gives the index an id, unless it has one.
func (t *Tx) putInstance(ctx context.Context) error {
	_, err := t.exec(ctx, `INSERT INTO keys (name, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		instanceKey, strings.ToLower(rand.Text()[:16]), micros(t.db.options.Now()))
	return err
}
