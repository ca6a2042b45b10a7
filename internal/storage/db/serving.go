package db

import (
	"context"
	"time"

	"pyindex/internal/publishers"
)

func (t *Tx) Serving(ctx context.Context) (publishers.Serving, error) {
	scan := func(r row) (publishers.Serving, error) {
		var s publishers.Serving
		var issuers string
		if err := r.Scan(&issuers, &s.Audience); err != nil {
			return s, err
		}
		return s, decode(issuers, &s.Issuers)
	}
	return one(ctx, t, "started server", scan, `SELECT issuers, audience FROM serving WHERE id = 'server'`)
}

func (t *Tx) PutServing(ctx context.Context, s publishers.Serving, at time.Time) error {
	issuers, err := encodeAny(s.Issuers)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO serving (id, issuers, audience, started_at) VALUES ('server', $1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET issuers = $1, audience = $2, started_at = $3`, issuers, s.Audience, micros(at))
	return err
}
