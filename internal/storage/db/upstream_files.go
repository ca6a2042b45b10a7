package db

import (
	"context"
	"time"

	"pyindex/internal/upstream/files"
)

const upstreamFileColumns = `upstream, path, project, filename, sha256, found, size, generation, stored,
	metadata_sha256, metadata_size, metadata_generation, metadata_stored,
	provenance_sha256, provenance_size, provenance_generation, provenance_stored, provenance_at,
	blocked_until, changed_sha256, first_at, used_at, startup`

func scanUpstreamFile(r row) (f files.Row, err error) {
	var provenance, blocked, first, used int64
	err = r.Scan(&f.Upstream, &f.Path, &f.Project, &f.Filename, &f.SHA256, &f.Found, &f.Size, &f.Generation, &f.Stored,
		&f.Metadata.SHA256, &f.Metadata.Size, &f.Metadata.Generation, &f.Metadata.Stored,
		&f.Provenance.SHA256, &f.Provenance.Size, &f.Provenance.Generation, &f.Provenance.Stored, &provenance,
		&blocked, &f.Changed, &first, &used, &f.Startup)
	f.ProvenanceAt, f.BlockedUntil, f.FirstAt, f.UsedAt = moment(provenance), moment(blocked), moment(first), moment(used)
	return f, err
}

// UpstreamFile implements files.Tx.
func (t *Tx) UpstreamFile(ctx context.Context, k files.Key) (files.Row, error) {
	return one(ctx, t, "file of an upstream", scanUpstreamFile,
		`SELECT `+upstreamFileColumns+` FROM upstream_files WHERE upstream = $1 AND path = $2`, k.Upstream, k.Path)
}

// PutUpstreamFile implements files.Tx.
func (t *Tx) PutUpstreamFile(ctx context.Context, f files.Row) error {
	_, err := t.exec(ctx, `INSERT INTO upstream_files (`+upstreamFileColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
		ON CONFLICT (upstream, path) DO UPDATE SET project = excluded.project, filename = excluded.filename,
			sha256 = excluded.sha256, found = excluded.found, size = excluded.size, generation = excluded.generation, stored = excluded.stored,
			metadata_sha256 = excluded.metadata_sha256, metadata_size = excluded.metadata_size,
			metadata_generation = excluded.metadata_generation, metadata_stored = excluded.metadata_stored,
			provenance_sha256 = excluded.provenance_sha256, provenance_size = excluded.provenance_size,
			provenance_generation = excluded.provenance_generation, provenance_stored = excluded.provenance_stored,
			provenance_at = excluded.provenance_at, blocked_until = excluded.blocked_until,
			changed_sha256 = excluded.changed_sha256, startup = excluded.startup, used_at = excluded.used_at`,
		f.Upstream, f.Path, f.Project, f.Filename, f.SHA256, f.Found, f.Size, f.Generation, f.Stored,
		f.Metadata.SHA256, f.Metadata.Size, f.Metadata.Generation, f.Metadata.Stored,
		f.Provenance.SHA256, f.Provenance.Size, f.Provenance.Generation, f.Provenance.Stored, micros(f.ProvenanceAt),
		micros(f.BlockedUntil), f.Changed, micros(f.FirstAt), micros(f.UsedAt), f.Startup)
	return err
}

// FoundUpstreamFiles implements files.Tx.
func (t *Tx) FoundUpstreamFiles(ctx context.Context, upstream, project string) ([]files.Row, error) {
	return many(ctx, t, scanUpstreamFile, `SELECT `+upstreamFileColumns+` FROM upstream_files
		WHERE upstream = $1 AND project = $2 AND found ORDER BY path`, upstream, project)
}

// ExaminedUpstreamFiles implements files.Tx.
func (t *Tx) ExaminedUpstreamFiles(ctx context.Context, upstream, project string) ([]files.Row, error) {
	return many(ctx, t, scanUpstreamFile, `SELECT `+upstreamFileColumns+` FROM upstream_files
		WHERE upstream = $1 AND project = $2 AND startup <> '' ORDER BY path`, upstream, project)
}

// NotedUpstreamProjects implements files.Tx.
func (t *Tx) NotedUpstreamProjects(ctx context.Context, upstream string) ([]string, error) {
	return many(ctx, t, scanText, `SELECT DISTINCT project FROM upstream_files
		WHERE upstream = $1 AND (found OR startup <> '') ORDER BY project`, upstream)
}

// StoredUpstreamFile implements files.Tx.
func (t *Tx) StoredUpstreamFile(ctx context.Context, sha256 string) (files.Row, error) {
	return one(ctx, t, "stored file of an upstream", scanUpstreamFile, `SELECT `+upstreamFileColumns+` FROM upstream_files
		WHERE sha256 = $1 AND stored ORDER BY used_at DESC LIMIT 1`, sha256)
}

// UseUpstreamFile implements files.Tx.
func (t *Tx) UseUpstreamFile(ctx context.Context, k files.Key, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE upstream_files SET used_at = $3 WHERE upstream = $1 AND path = $2 AND used_at < $3`,
		k.Upstream, k.Path, micros(at))
	return err
}

// ownFile is true for a row of upstream_files if a file of this index has the same stored content.
const ownFile = `EXISTS (SELECT 1 FROM files f WHERE substr(f.sha256, 1, 12) = substr(u.sha256, 1, 12)
	AND f.sha256 = u.sha256 AND f.generation = u.generation)`

// IdleUpstreamFiles implements files.Tx.
func (t *Tx) IdleUpstreamFiles(ctx context.Context, upstream string, before time.Time, limit int) ([]files.Row, error) {
	return many(ctx, t, scanUpstreamFile, `SELECT `+upstreamFileColumns+` FROM upstream_files u
		WHERE ($1 = '' OR upstream = $1) AND used_at < $2
			AND (stored OR metadata_stored OR provenance_stored) AND NOT (stored AND `+ownFile+`)
		ORDER BY used_at, path LIMIT $3`, upstream, micros(before), limit)
}

// UpstreamUsage implements files.Tx. Content that several files share is that of the first of them.
func (t *Tx) UpstreamUsage(ctx context.Context) ([]files.Usage, error) {
	return many(ctx, t, func(r row) (u files.Usage, err error) {
		err = r.Scan(&u.Upstream, &u.Files, &u.Bytes)
		return u, err
	}, `SELECT upstream, CAST(SUM(n) AS BIGINT), CAST(SUM(size) AS BIGINT) FROM (
			SELECT MIN(u.upstream) AS upstream, 1 AS n, MAX(u.size) AS size FROM upstream_files u
				WHERE u.stored AND NOT `+ownFile+` GROUP BY u.sha256, u.generation
			UNION ALL SELECT MIN(u.upstream), 0, MAX(u.metadata_size) FROM upstream_files u
				WHERE u.metadata_stored GROUP BY u.metadata_sha256, u.metadata_generation
			UNION ALL SELECT MIN(u.upstream), 0, MAX(u.provenance_size) FROM upstream_files u
				WHERE u.provenance_stored GROUP BY u.provenance_sha256, u.provenance_generation
		) AS kept GROUP BY upstream ORDER BY upstream`)
}
