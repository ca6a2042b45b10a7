package db

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
)

// rulingsMark is the row of counters with the serial of the last change to what people decided about files.
const rulingsMark = "rulings"

// RulingsRevision implements holds.Rows.
func (t *Tx) RulingsRevision(ctx context.Context) (int64, error) { return t.mark(ctx, rulingsMark) }

// SetRulingsRevision implements holds.Rows.
func (t *Tx) SetRulingsRevision(ctx context.Context, serial int64) error {
	_, err := t.exec(ctx, `INSERT INTO counters (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, rulingsMark, serial)
	return err
}

const fileRulingColumns = `id, kind, project, version, filename, sha256, reason, since, by_kind, by_id, by_name`

func scanFileRuling(r row) (v holds.Ruling, err error) {
	var since int64
	err = r.Scan(&v.ID, &v.Kind, &v.Project, &v.Version, &v.Filename, &v.SHA256, &v.Reason, &since, &v.By.Kind, &v.By.ID,
		&v.By.Name)
	v.Since = moment(since)
	return v, err
}

// FileRulings implements holds.Rows.
func (t *Tx) FileRulings(ctx context.Context) ([]holds.Ruling, error) {
	return many(ctx, t, scanFileRuling, `SELECT `+fileRulingColumns+` FROM file_rulings ORDER BY since, id`)
}

// FileRulingsAbout implements holds.RulingRows.
func (t *Tx) FileRulingsAbout(ctx context.Context, project, sha256 string) ([]holds.Ruling, error) {
	return many(ctx, t, scanFileRuling, `SELECT `+fileRulingColumns+` FROM file_rulings
		WHERE project = $1 AND project <> '' OR project = '' AND sha256 = $2 ORDER BY since, id`, project, sha256)
}

// InsertFileRuling implements holds.Rows.
func (t *Tx) InsertFileRuling(ctx context.Context, r holds.Ruling) error {
	_, err := t.exec(ctx, `INSERT INTO file_rulings (`+fileRulingColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, r.ID, string(r.Kind), r.Project, r.Version, r.Filename,
		r.SHA256, r.Reason, micros(r.Since), r.By.Kind, r.By.ID, r.By.Name)
	return err
}

// DeleteFileRuling implements holds.Rows.
func (t *Tx) DeleteFileRuling(ctx context.Context, id string) (holds.Ruling, error) {
	return one(ctx, t, "decision", scanFileRuling, `DELETE FROM file_rulings WHERE id = $1 RETURNING `+fileRulingColumns, id)
}

// PutReturn implements holds.Rows.
func (t *Tx) PutReturn(ctx context.Context, r holds.Return) error {
	_, err := t.exec(ctx, `INSERT INTO accepted_returns (upstream, project, at, reason, by_kind, by_id, by_name)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (upstream, project) DO UPDATE SET at = excluded.at,
		reason = excluded.reason, by_kind = excluded.by_kind, by_id = excluded.by_id, by_name = excluded.by_name`,
		r.Upstream, r.Project, micros(r.At), r.Reason, r.By.Kind, r.By.ID, r.By.Name)
	return err
}

// Returns implements holds.Rows.
func (t *Tx) Returns(ctx context.Context) ([]holds.Return, error) {
	scan := func(r row) (v holds.Return, err error) {
		var at int64
		err = r.Scan(&v.Upstream, &v.Project, &at, &v.Reason, &v.By.Kind, &v.By.ID, &v.By.Name)
		v.At = moment(at)
		return v, err
	}
	out, err := many(ctx, t, scan, `SELECT upstream, project, at, reason, by_kind, by_id, by_name FROM accepted_returns`)
	slices.SortFunc(out, func(a, b holds.Return) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Upstream, b.Upstream), cmp.Compare(a.Project, b.Project))
	})
	return out, err
}

// exemptionQuery selects exemptions e of repositories r.
const exemptionQuery = `SELECT e.id, e.repository_id, r.name, e.project, e.version, e.filename, e.reason, e.since, e.ends_at,
	e.by_kind, e.by_id, e.by_name, e.by_admin, e.request_id, e.ended_at, e.ended_by_kind, e.ended_by_id, e.ended_by_name,
	(SELECT COUNT(*) FROM exemption_files f WHERE f.exemption_id = e.id)
	FROM exemptions e JOIN repositories r ON r.id = e.repository_id `

func scanExemption(r row) (v holds.Exemption, err error) {
	var since, ends, ended int64
	err = r.Scan(&v.ID, &v.RepositoryID, &v.Repository, &v.Project, &v.Version, &v.Filename, &v.Reason, &since, &ends,
		&v.By.Kind, &v.By.ID, &v.By.Name, &v.Admin, &v.RequestID, &ended, &v.EndedBy.Kind, &v.EndedBy.ID, &v.EndedBy.Name,
		&v.Covers)
	v.Since, v.EndsAt, v.EndedAt = moment(since), moment(ends), moment(ended)
	return v, err
}

// InsertExemption implements holds.Rows.
func (t *Tx) InsertExemption(ctx context.Context, e holds.Exemption, files []holds.Content) error {
	_, err := t.exec(ctx, `INSERT INTO exemptions (id, repository_id, project, version, filename, reason, since, ends_at,
		by_kind, by_id, by_name, by_admin, request_id, ended_at, ended_by_kind, ended_by_id, ended_by_name)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		e.ID, e.RepositoryID, e.Project, e.Version, e.Filename, e.Reason, micros(e.Since), micros(e.EndsAt), e.By.Kind,
		e.By.ID, e.By.Name, e.Admin, e.RequestID, micros(e.EndedAt), e.EndedBy.Kind, e.EndedBy.ID, e.EndedBy.Name)
	if err != nil {
		return err
	}
	b := &batch{into: t, table: "exemption_files", columns: []string{"exemption_id", "filename", "sha256"}}
	for _, f := range files {
		if err := b.add(ctx, []any{e.ID, f.Filename, f.SHA256}); err != nil {
			return err
		}
	}
	return b.flush(ctx)
}

// Exemption implements holds.Rows.
func (t *Tx) Exemption(ctx context.Context, id string) (holds.Exemption, error) {
	return one(ctx, t, "exemption", scanExemption, exemptionQuery+`WHERE e.id = $1`, id)
}

// EndExemption implements holds.Rows.
func (t *Tx) EndExemption(ctx context.Context, id string, at time.Time, by audit.Actor) (bool, error) {
	return t.did(ctx, `UPDATE exemptions SET ended_at = $2, ended_by_kind = $3, ended_by_id = $4, ended_by_name = $5
		WHERE id = $1 AND ended_at = 0 AND ends_at > $2`, id, micros(at), by.Kind, by.ID, by.Name)
}

// Exemptions implements holds.Rows.
func (t *Tx) Exemptions(ctx context.Context, repositoryID string, limit int) ([]holds.Exemption, error) {
	return many(ctx, t, scanExemption, exemptionQuery+`WHERE $1 = '' OR e.repository_id = $1
		ORDER BY e.since DESC, e.id DESC LIMIT $2`, repositoryID, limit)
}

// ExemptionsInForce implements holds.Rows.
func (t *Tx) ExemptionsInForce(ctx context.Context, at time.Time) ([]holds.Exemption, error) {
	return many(ctx, t, scanExemption, exemptionQuery+`WHERE e.ends_at > $1 AND e.ended_at = 0
		ORDER BY e.since, e.id`, micros(at))
}

// ExemptionFiles implements holds.Rows.
func (t *Tx) ExemptionFiles(ctx context.Context, id string) ([]holds.Content, error) {
	scan := func(r row) (c holds.Content, err error) {
		err = r.Scan(&c.Filename, &c.SHA256)
		return c, err
	}
	out, err := many(ctx, t, scan, `SELECT filename, sha256 FROM exemption_files WHERE exemption_id = $1`, id)
	slices.SortFunc(out, func(a, b holds.Content) int { return cmp.Compare(a.Filename, b.Filename) })
	return out, err
}

// requestQuery selects requests q for exemptions of repositories r.
const requestQuery = `SELECT q.id, q.repository_id, r.name, q.project, q.version, q.filename, q.reason, q.at, q.by_kind,
	q.by_id, q.by_name, q.state, q.decided_at, q.decided_by_kind, q.decided_by_id, q.decided_by_name, q.answer,
	q.exemption_id FROM exemption_requests q JOIN repositories r ON r.id = q.repository_id `

// openFirst orders requests.
const openFirst = ` ORDER BY CASE WHEN q.state = 'open' THEN 0 ELSE 1 END, q.at DESC, q.id DESC LIMIT `

func scanRequest(r row) (v holds.Request, err error) {
	var at, decided int64
	err = r.Scan(&v.ID, &v.RepositoryID, &v.Repository, &v.Project, &v.Version, &v.Filename, &v.Reason, &at, &v.By.Kind,
		&v.By.ID, &v.By.Name, &v.State, &decided, &v.DecidedBy.Kind, &v.DecidedBy.ID, &v.DecidedBy.Name, &v.Answer,
		&v.ExemptionID)
	v.At, v.DecidedAt = moment(at), moment(decided)
	return v, err
}

// InsertRequest implements holds.Rows.
func (t *Tx) InsertRequest(ctx context.Context, r holds.Request) error {
	_, err := t.exec(ctx, `INSERT INTO exemption_requests (id, repository_id, project, version, filename, reason, at,
		by_kind, by_id, by_name, state, decided_at, decided_by_kind, decided_by_id, decided_by_name, answer, exemption_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		r.ID, r.RepositoryID, r.Project, r.Version, r.Filename, r.Reason, micros(r.At), r.By.Kind, r.By.ID, r.By.Name,
		string(r.State), micros(r.DecidedAt), r.DecidedBy.Kind, r.DecidedBy.ID, r.DecidedBy.Name, r.Answer, r.ExemptionID)
	return err
}

// Request implements holds.Rows.
func (t *Tx) Request(ctx context.Context, id string) (holds.Request, error) {
	return one(ctx, t, "request", scanRequest, requestQuery+`WHERE q.id = $1`, id)
}

// DecideRequest implements holds.Rows.
func (t *Tx) DecideRequest(ctx context.Context, r holds.Request) (bool, error) {
	if r.State == holds.Open {
		return false, fault.New(fault.Internal, "a decision about the request %s leaves it open", r.ID)
	}
	return t.did(ctx, `UPDATE exemption_requests SET state = $2, decided_at = $3, decided_by_kind = $4, decided_by_id = $5,
		decided_by_name = $6, answer = $7, exemption_id = $8 WHERE id = $1 AND state = 'open'`, r.ID, string(r.State),
		micros(r.DecidedAt), r.DecidedBy.Kind, r.DecidedBy.ID, r.DecidedBy.Name, r.Answer, r.ExemptionID)
}

// Requests implements holds.Rows.
func (t *Tx) Requests(ctx context.Context, repositoryID string, limit int) ([]holds.Request, error) {
	return many(ctx, t, scanRequest, requestQuery+`WHERE $1 = '' OR q.repository_id = $1`+openFirst+`$2`,
		repositoryID, limit)
}

// OpenRequestsAbout implements holds.Rows.
func (t *Tx) OpenRequestsAbout(ctx context.Context, repositoryID, project string, limit int) ([]holds.Request, error) {
	return many(ctx, t, scanRequest, requestQuery+`WHERE q.repository_id = $1 AND q.state = 'open' AND q.project = $2
		ORDER BY q.at DESC, q.id DESC LIMIT $3`, repositoryID, project, limit)
}

// CountOpenRequests implements holds.Rows.
func (t *Tx) CountOpenRequests(ctx context.Context) (map[string]int, error) {
	out := map[string]int{}
	err := t.query(ctx, func(r row) error {
		var id string
		var n int
		err := r.Scan(&id, &n)
		out[id] = n
		return err
	}, `SELECT repository_id, COUNT(*) FROM exemption_requests WHERE state = 'open' GROUP BY repository_id`)
	return out, err
}

// RequestsBy implements holds.Rows.
func (t *Tx) RequestsBy(ctx context.Context, by audit.Actor, limit int) ([]holds.Request, error) {
	return many(ctx, t, scanRequest, requestQuery+`WHERE q.by_kind = $1 AND q.by_id = $2 AND (q.by_id <> '' OR q.by_name = $3)`+
		openFirst+`$4`, by.Kind, by.ID, by.Name, limit)
}
