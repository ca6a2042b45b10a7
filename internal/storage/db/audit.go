package db

import (
	"context"

	"pyindex/internal/audit"
)

// InsertAudit implements audit.Rows.
func (t *Tx) InsertAudit(ctx context.Context, e audit.Entry) error {
	detail, err := encode(e.Detail)
	if err != nil {
		return err
	}
	a := e.Actor
	_, err = t.exec(ctx, `INSERT INTO audit (id, at, action, outcome, actor_kind, actor_id, actor_name, token_id, address, request_id,
		repository_id, project, version, filename, subject, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		e.ID, micros(e.At), e.Action, string(e.Outcome), a.Kind, a.ID, a.Name, a.TokenID, a.Address, a.RequestID,
		e.Repository, e.Project, e.Version, e.Filename, e.Subject, detail)
	return err
}

const auditColumns = `id, at, action, outcome, actor_kind, actor_id, actor_name, token_id, address, request_id,
	repository_id, project, version, filename, subject, detail`

func scanAudit(r row) (audit.Entry, error) {
	var e audit.Entry
	var at int64
	var detail string
	a := &e.Actor
	err := r.Scan(&e.ID, &at, &e.Action, &e.Outcome, &a.Kind, &a.ID, &a.Name, &a.TokenID, &a.Address, &a.RequestID,
		&e.Repository, &e.Project, &e.Version, &e.Filename, &e.Subject, &detail)
	if err != nil {
		return e, err
	}
	e.At = moment(at)
	return e, decode(detail, &e.Detail)
}

// Audit returns the newest entries of the record, newest first, at most limit.
func (d *DB) Audit(ctx context.Context, limit int) (out []audit.Entry, err error) {
	err = d.view(ctx, func(t *Tx) (err error) {
		out, err = many(ctx, t, scanAudit, `SELECT `+auditColumns+` FROM audit ORDER BY at DESC, id DESC LIMIT $1`, limit)
		return err
	})
	return out, err
}
