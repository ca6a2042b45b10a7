package db

import (
	"context"
	"time"

	"pyindex/internal/account/outbox"
)

const outboxColumns = `id, address, subject, text, created_at, due_at, tries`

func scanWaiting(r row) (w outbox.Waiting, err error) {
	var created, due, tries int64
	err = r.Scan(&w.ID, &w.To, &w.Letter.Subject, &w.Letter.Text, &created, &due, &tries)
	w.CreatedAt, w.DueAt, w.Tries = moment(created), moment(due), int(tries)
	return w, err
}

func (t *Tx) InsertWaiting(ctx context.Context, w outbox.Waiting) error {
	return t.insert(ctx, "letter",
		`INSERT INTO outbox (`+outboxColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		w.ID, w.To, w.Letter.Subject, w.Letter.Text, micros(w.CreatedAt), micros(w.DueAt), int64(w.Tries))
}

func (t *Tx) WaitingFor(ctx context.Context, to string) (n, all int, err error) {
	if n, err = one(ctx, t, "number", scanCount, `SELECT COUNT(*) FROM outbox WHERE address = $1`, to); err == nil {
		all, err = one(ctx, t, "number", scanCount, `SELECT COUNT(*) FROM outbox`)
	}
	return n, all, err
}

func (t *Tx) Due(ctx context.Context, at time.Time, limit int) ([]outbox.Waiting, error) {
	return many(ctx, t, scanWaiting,
		`SELECT `+outboxColumns+` FROM outbox WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2`, micros(at), limit)
}

func (t *Tx) MoveWaiting(ctx context.Context, w outbox.Waiting, due time.Time, tries int) (bool, error) {
	return t.did(ctx, `UPDATE outbox SET due_at = $4, tries = $5 WHERE id = $1 AND due_at = $2 AND tries = $3`,
		w.ID, micros(w.DueAt), int64(w.Tries), micros(due), int64(tries))
}

func (t *Tx) DeleteWaiting(ctx context.Context, id string) error {
	_, err := t.exec(ctx, `DELETE FROM outbox WHERE id = $1`, id)
	return err
}

func (t *Tx) DeleteWaitingBefore(ctx context.Context, before time.Time) (int64, error) {
	return t.exec(ctx, `DELETE FROM outbox WHERE created_at < $1`, micros(before))
}
