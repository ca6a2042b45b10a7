package db

import (
	"context"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream/pages"
)

const pageColumns = `upstream, name, revision, of_url, record, etag, last_modified, serial, url, absent, fetched_at,
	checked_at, lower_since`

func scanUpstreamPage(r row) (out pages.Row, err error) {
	var name string
	var fetched, checked, lower int64
	err = r.Scan(&out.Upstream, &name, &out.Revision, &out.OfURL, &out.Record, &out.Validators.ETag,
		&out.Validators.LastModified, &out.Serial, &out.URL, &out.Absent, &fetched, &checked, &lower)
	if err != nil {
		return out, err
	}
	out.FetchedAt, out.CheckedAt, out.LowerSince = moment(fetched), moment(checked), moment(lower)
	out.Name, err = packaging.ParseProjectName(name)
	return out, err
}

func (t *Tx) UpstreamPage(ctx context.Context, k pages.Key, after time.Time) (pages.Row, error) {
	return one(ctx, t, "page of an upstream", scanUpstreamPage, `SELECT `+pageColumns+` FROM upstream_pages
		WHERE upstream = $1 AND name = $2 AND checked_at > $3`, k.Upstream, k.Name.String(), micros(after))
}

// UpstreamPageHeads implements pages.Tx. It reads no column after the record, since SQLite would read the record for it.
func (t *Tx) UpstreamPageHeads(ctx context.Context, upstream, after string, limit int) ([]pages.Head, error) {
	return many(ctx, t, func(r row) (h pages.Head, err error) {
		var name string
		if err := r.Scan(&name, &h.Revision, &h.OfURL); err != nil {
			return h, err
		}
		h.Name, err = packaging.ParseProjectName(name)
		return h, err
	}, `SELECT name, revision, of_url FROM upstream_pages WHERE upstream = $1 AND name > $2 ORDER BY name LIMIT $3`,
		upstream, after, limit)
}

func (t *Tx) UpstreamPageChecked(ctx context.Context, k pages.Key, after time.Time) (bool, error) {
	out, err := many(ctx, t, scanText, `SELECT name FROM upstream_pages
		WHERE upstream = $1 AND name = $2 AND checked_at > $3`, k.Upstream, k.Name.String(), micros(after))
	return len(out) > 0, err
}

func (t *Tx) PutUpstreamPage(ctx context.Context, r pages.Row) error {
	record := r.Record
	if record == nil {
		record = []byte{}
	}
	_, err := t.exec(ctx, `INSERT INTO upstream_pages (`+pageColumns+`, failing_since, used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $12)
		ON CONFLICT (upstream, name) DO UPDATE SET revision = excluded.revision, of_url = excluded.of_url,
			record = excluded.record, etag = excluded.etag, last_modified = excluded.last_modified,
			serial = excluded.serial, url = excluded.url, absent = excluded.absent, fetched_at = excluded.fetched_at,
			checked_at = excluded.checked_at, lower_since = excluded.lower_since, used_at = excluded.used_at
		WHERE upstream_pages.checked_at <= excluded.checked_at`,
		r.Upstream, r.Name.String(), r.Revision, r.OfURL, record, r.Validators.ETag, r.Validators.LastModified, r.Serial,
		r.URL, r.Absent, micros(r.FetchedAt), micros(r.CheckedAt), micros(r.LowerSince))
	return err
}

func (t *Tx) RenewUpstreamPage(ctx context.Context, r pages.Row) error {
	renewed, err := t.did(ctx, `UPDATE upstream_pages SET of_url = $4, etag = $5, last_modified = $6, serial = $7,
			url = $8, absent = $9, fetched_at = $10, checked_at = $11, lower_since = $12, used_at = $11
		WHERE upstream = $1 AND name = $2 AND revision = $3 AND checked_at <= $11`,
		r.Upstream, r.Name.String(), r.Revision, r.OfURL, r.Validators.ETag, r.Validators.LastModified, r.Serial, r.URL,
		r.Absent, micros(r.FetchedAt), micros(r.CheckedAt), micros(r.LowerSince))
	if err != nil || renewed {
		return err
	}
	return t.PutUpstreamPage(ctx, r)
}

func (t *Tx) DeleteUpstreamPages(ctx context.Context, before time.Time, limit int) (int64, error) {
	return t.exec(ctx, `DELETE FROM upstream_pages WHERE (upstream, name) IN (SELECT upstream, name FROM upstream_pages
		WHERE used_at < $1 AND NOT EXISTS (SELECT 1 FROM upstream_files f
			WHERE f.upstream = upstream_pages.upstream AND f.project = upstream_pages.name)
		ORDER BY used_at LIMIT $2)`, micros(before), int64(limit))
}

func (t *Tx) UpstreamLeft(ctx context.Context, k pages.Key) (pages.Left, error) {
	return one(ctx, t, "files that left a page", func(r row) (pages.Left, error) {
		l := pages.Left{Key: k}
		var at int64
		err := r.Scan(&l.OfURL, &l.Record, &at)
		l.At = moment(at)
		return l, err
	}, `SELECT of_url, record, at FROM upstream_left WHERE upstream = $1 AND name = $2`, k.Upstream, k.Name.String())
}

func (t *Tx) PutUpstreamLeft(ctx context.Context, l pages.Left) error {
	if len(l.Record) == 0 {
		_, err := t.exec(ctx, `DELETE FROM upstream_left WHERE upstream = $1 AND name = $2 AND at <= $3`,
			l.Upstream, l.Name.String(), micros(l.At))
		return err
	}
	_, err := t.exec(ctx, `INSERT INTO upstream_left (upstream, name, of_url, record, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (upstream, name) DO UPDATE SET of_url = excluded.of_url, record = excluded.record, at = excluded.at
		WHERE upstream_left.at <= excluded.at`,
		l.Upstream, l.Name.String(), l.OfURL, l.Record, micros(l.At))
	return err
}

func (t *Tx) CountUpstreamPages(ctx context.Context) (map[string]int, error) {
	out := map[string]int{}
	err := t.query(ctx, func(r row) error {
		var name string
		var n int
		err := r.Scan(&name, &n)
		out[name] = n
		return err
	}, `SELECT upstream, COUNT(*) FROM upstream_pages GROUP BY upstream`)
	return out, err
}

func (t *Tx) LeaseUpstream(ctx context.Context, k pages.Key, holder string, now, until time.Time) (bool, error) {
	return t.did(ctx, `INSERT INTO upstream_leases (upstream, name, holder, ends_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (upstream, name) DO UPDATE SET holder = excluded.holder, ends_at = excluded.ends_at
		WHERE upstream_leases.holder = excluded.holder OR upstream_leases.ends_at <= $5`,
		k.Upstream, k.Name.String(), holder, micros(until), micros(now))
}

func (t *Tx) UpstreamLeaseFree(ctx context.Context, k pages.Key, now time.Time) (bool, error) {
	out, err := many(ctx, t, scanText, `SELECT holder FROM upstream_leases
		WHERE upstream = $1 AND name = $2 AND ends_at > $3`, k.Upstream, k.Name.String(), micros(now))
	return len(out) == 0, err
}

func (t *Tx) EndUpstreamLease(ctx context.Context, k pages.Key, holder string) error {
	_, err := t.exec(ctx, `DELETE FROM upstream_leases WHERE upstream = $1 AND name = $2 AND holder = $3`,
		k.Upstream, k.Name.String(), holder)
	return err
}

func (t *Tx) DeleteUpstreamLeases(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM upstream_leases WHERE ends_at < $1`, micros(before))
	return err
}

const listColumns = `upstream, of_url, names, etag, last_modified, fetched_at, checked_at, problem`

func scanUpstreamList(r row, more ...any) (l pages.List, err error) {
	var names, fetched, checked int64
	err = r.Scan(append([]any{
		&l.Upstream, &l.OfURL, &names, &l.Validators.ETag, &l.Validators.LastModified, &fetched, &checked, &l.Problem,
	}, more...)...)
	l.Names, l.FetchedAt, l.CheckedAt = int(names), moment(fetched), moment(checked)
	return l, err
}

func (t *Tx) UpstreamLists(ctx context.Context) ([]pages.List, error) {
	return many(ctx, t, func(r row) (pages.List, error) { return scanUpstreamList(r) },
		`SELECT `+listColumns+` FROM upstream_lists ORDER BY upstream`)
}

func (t *Tx) UpstreamList(ctx context.Context, name string) (pages.List, error) {
	return one(ctx, t, "list of an upstream", func(r row) (pages.List, error) {
		var hashes []byte
		l, err := scanUpstreamList(r, &hashes)
		l.Hashes = hashes
		return l, err
	}, `SELECT `+listColumns+`, hashes FROM upstream_lists WHERE upstream = $1`, name)
}

func (t *Tx) PutUpstreamList(ctx context.Context, l pages.List) error {
	args := []any{
		l.Upstream, l.OfURL, int64(l.Names), l.Validators.ETag, l.Validators.LastModified, micros(l.FetchedAt),
		micros(l.CheckedAt), l.Problem,
		[]byte{},
	}
	kept := ``
	if l.Hashes != nil {
		args[8] = l.Hashes
		kept = `, names = excluded.names, fetched_at = excluded.fetched_at, hashes = excluded.hashes`
	}
	_, err := t.exec(ctx, `INSERT INTO upstream_lists (`+listColumns+`, hashes)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (upstream) DO UPDATE SET of_url = excluded.of_url, etag = excluded.etag,
			last_modified = excluded.last_modified, checked_at = excluded.checked_at, problem = excluded.problem`+kept,
		args...)
	return err
}
