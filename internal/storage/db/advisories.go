package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pyindex/internal/advisory"
	"pyindex/internal/fault"
)

const feedColumns = `name, settings, declared, revision, records, malware, broken, broken_names, origin, newest,
	imported_at, checked_at, tried_at, failures, problem, etag, last_modified, created_at`

func scanFeed(r row) (f advisory.FeedRow, err error) {
	f.Feed = advisory.Default()
	var settings, broken string
	var newest, imported, checked, tried, created, held int64
	if err := r.Scan(&f.Name, &settings, &f.Declared, &f.Revision, &f.Records, &f.Malicious, &f.Broken, &broken, &f.From,
		&newest, &imported, &checked, &tried, &f.Failures, &f.Problem, &f.ETag, &f.LastModified, &created,
		&held); err != nil {
		return f, err
	}
	f.Newest, f.ImportedAt, f.CheckedAt = moment(newest), moment(imported), moment(checked)
	f.TriedAt, f.CreatedAt, f.HeldUntil = moment(tried), moment(created), moment(held)
	if err := decode(broken, &f.BrokenNames); err != nil {
		return f, err
	}
	values := map[string]any{}
	if err := decode(settings, &values); err != nil {
		return f, err
	}
	for _, key := range advisory.Keys() { // a newer version may have written more
		if v, ok := values[key]; ok && key != "name" {
			if err := f.Set(key, v); err != nil {
				return f, err
			}
		}
	}
	return f, nil
}

// feedValues returns the values of feedColumns.
func feedValues(f advisory.FeedRow) ([]any, error) {
	values := map[string]any{}
	for _, key := range advisory.Keys() {
		values[key] = f.Value(key)
	}
	settings, err := encodeAny(values)
	if err != nil {
		return nil, err
	}
	broken, err := encodeAny(f.BrokenNames)
	return []any{
		f.Name, settings, f.Declared, f.Revision, f.Records, f.Malicious, f.Broken, broken, f.From, micros(f.Newest),
		micros(f.ImportedAt), micros(f.CheckedAt), micros(f.TriedAt), f.Failures, f.Problem, f.ETag, f.LastModified,
		micros(f.CreatedAt),
	}, err
}

// Feeds sorts names in Go because the databases sort text differently.
func (t *Tx) Feeds(ctx context.Context) ([]advisory.FeedRow, error) {
	out, err := many(ctx, t, scanFeed, `SELECT `+feedColumns+`, held_until FROM feeds`)
	slices.SortFunc(out, func(a, b advisory.FeedRow) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

// InsertFeed implements advisory.Rows.
func (t *Tx) InsertFeed(ctx context.Context, f advisory.FeedRow) error {
	values, err := feedValues(f)
	if err != nil {
		return err
	}
	return t.insert(ctx, "feed "+f.Name, `INSERT INTO feeds (`+feedColumns+`, holder, held_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, '', 0)
		ON CONFLICT DO NOTHING`, values...)
}

// UpdateFeed implements advisory.Rows.
func (t *Tx) UpdateFeed(ctx context.Context, f advisory.FeedRow) error {
	values, err := feedValues(f)
	if err != nil {
		return err
	}
	did, err := t.did(ctx, `UPDATE feeds SET settings = $2, declared = $3, revision = $4, records = $5, malware = $6,
		broken = $7, broken_names = $8, origin = $9, newest = $10, imported_at = $11, checked_at = $12, tried_at = $13,
		failures = $14, problem = $15, etag = $16, last_modified = $17, created_at = $18 WHERE name = $1`, values...)
	if err == nil && !did {
		return fault.New(fault.NotFound, "no such feed")
	}
	return err
}

// DeleteFeed implements advisory.Rows. The records are left to DeleteAdvisories.
func (t *Tx) DeleteFeed(ctx context.Context, name string) error {
	_, err := t.exec(ctx, `DELETE FROM feeds WHERE name = $1`, name)
	return err
}

// LeaseFeed implements advisory.Rows.
func (t *Tx) LeaseFeed(ctx context.Context, name, holder string, now, until time.Time) (bool, error) {
	return t.did(ctx, `UPDATE feeds SET holder = $2, held_until = $4
		WHERE name = $1 AND (holder = $2 OR held_until <= $3)`, name, holder, micros(now), micros(until))
}

// EndFeedLease implements advisory.Rows.
func (t *Tx) EndFeedLease(ctx context.Context, name, holder string) error {
	_, err := t.exec(ctx, `UPDATE feeds SET holder = '', held_until = 0 WHERE name = $1 AND holder = $2`, name, holder)
	return err
}

// AdvisoryEntries implements advisory.Rows.
func (t *Tx) AdvisoryEntries(ctx context.Context, feed string, after advisory.Entry, limit int) ([]advisory.Entry, error) {
	return many(ctx, t, func(r row) (e advisory.Entry, err error) {
		err = r.Scan(&e.Name, &e.ID, &e.Since, &e.Until, &e.Digest, &e.Malware)
		return e, err
	}, `SELECT name, id, since, ended, digest, malware FROM advisories
		WHERE feed = $1 AND (name, id, since) > ($2, $3, $4) ORDER BY name, id, since LIMIT $5`,
		feed, after.Name, after.ID, after.Since, int64(limit))
}

// InsertAdvisories implements advisory.Rows.
func (t *Tx) InsertAdvisories(ctx context.Context, all []advisory.Row) error {
	b := batch{
		into: t, table: "advisories", stored: []int{0, 1, 2, 3, 4, 5, 6, 7},
		columns: []string{"feed", "name", "id", "since", "ended", "digest", "malware", "record"},
	}
	for _, r := range all {
		if err := b.add(ctx, []any{r.Feed, r.Name, r.ID, r.Since, r.Until, r.Digest, r.Malware, r.Record}); err != nil {
			return err
		}
	}
	return b.flush(ctx)
}

// EndAdvisories implements advisory.Rows.
func (t *Tx) EndAdvisories(ctx context.Context, feed string, all []advisory.Entry, until int64) error {
	const most = 200
	for len(all) > 0 {
		some := all[:min(most, len(all))]
		all = all[len(some):]
		args := []any{feed, until}
		var in []string
		for _, e := range some {
			in = append(in, fmt.Sprintf("($%d, $%d)", len(args)+1, len(args)+2))
			args = append(args, e.Name, e.ID)
		}
		if _, err := t.exec(ctx, `UPDATE advisories SET ended = $2 WHERE feed = $1 AND ended = 0 AND since < $2
			AND (name, id) IN (VALUES `+strings.Join(in, ", ")+`)`, args...); err != nil {
			return err
		}
	}
	return nil
}

// TidyAdvisories implements advisory.Rows.
func (t *Tx) TidyAdvisories(ctx context.Context, feed string, from, to advisory.Entry, revision int64) (int64, error) {
	const between = ` feed = $1 AND (name, id) >= ($2, $3) AND (name, id) <= ($4, $5)`
	args := []any{feed, from.Name, from.ID, to.Name, to.ID, revision}
	deleted, err := t.exec(ctx, `DELETE FROM advisories WHERE`+between+`
		AND (since > $6 OR (ended > 0 AND ended <= $6))`, args...)
	if err != nil {
		return 0, err
	}
	kept, err := t.exec(ctx, `UPDATE advisories SET ended = 0 WHERE`+between+` AND ended > $6`, args...)
	return deleted + kept, err
}

// DeleteAdvisories implements advisory.Rows.
func (t *Tx) DeleteAdvisories(ctx context.Context, feed string, limit int) (int64, error) {
	return t.exec(ctx, `DELETE FROM advisories WHERE feed = $1 AND (name, id, since) IN (SELECT name, id, since
		FROM advisories WHERE feed = $1 ORDER BY name, id, since LIMIT $2)`, feed, int64(limit))
}

// counting selects the rows that count in the revision of their feed.
const counting = `SELECT a.feed, a.name, a.id, a.since, a.ended, a.digest, a.malware, a.record FROM feeds f
	JOIN advisories a ON a.feed = f.name AND a.since <= f.revision AND (a.ended = 0 OR a.ended > f.revision)`

func scanAdvisory(r row) (a advisory.Row, err error) {
	err = r.Scan(&a.Feed, &a.Name, &a.ID, &a.Since, &a.Until, &a.Digest, &a.Malware, &a.Record)
	return a, err
}

func byFeed(a, b advisory.Row) int {
	return cmp.Or(cmp.Compare(a.Feed, b.Feed), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Name, b.Name))
}

// AdvisoriesAbout implements advisory.Rows.
func (t *Tx) AdvisoriesAbout(ctx context.Context, name string) ([]advisory.Row, error) {
	out, err := many(ctx, t, scanAdvisory, counting+` WHERE a.name = $1`, name)
	slices.SortFunc(out, byFeed)
	return out, err
}

// AdvisoriesOf implements advisory.Rows.
func (t *Tx) AdvisoriesOf(ctx context.Context, id string) ([]advisory.Row, error) {
	out, err := many(ctx, t, scanAdvisory, counting+` WHERE a.id = $1`, id)
	slices.SortFunc(out, byFeed)
	return out, err
}

// AffectedFiles implements advisory.Rows.
func (t *Tx) AffectedFiles(ctx context.Context, limit int) ([]advisory.UpstreamFile, error) {
	scan := func(r row) (f advisory.UpstreamFile, err error) {
		var used int64
		err = r.Scan(&f.Upstream, &f.Project, &f.Filename, &f.SHA256, &f.Stored, &used)
		f.UsedAt = moment(used)
		return f, err
	}
	return many(ctx, t, scan, `SELECT u.upstream, u.project, u.filename, u.sha256, u.stored, u.used_at
		FROM upstream_files u WHERE EXISTS (SELECT 1 FROM feeds f JOIN advisories a ON a.feed = f.name
			AND a.since <= f.revision AND (a.ended = 0 OR a.ended > f.revision) WHERE a.name = u.project)
		ORDER BY u.project, u.filename, u.upstream LIMIT $1`, int64(limit))
}
