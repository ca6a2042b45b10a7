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
		if err := r.Scan(&issuers, &s.Audience, &s.BaseURL, &s.Open); err != nil {
			return s, err
		}
		return s, decode(issuers, &s.Issuers)
	}
	return one(ctx, t, "started server", scan,
		`SELECT issuers, audience, base_url, anonymous_read FROM serving WHERE id = 'server'`)
}

func (t *Tx) PutServing(ctx context.Context, s publishers.Serving, at time.Time) error {
	issuers, err := encodeAny(s.Issuers)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO serving (id, issuers, audience, base_url, anonymous_read, started_at)
		VALUES ('server', $1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET issuers = $1, audience = $2, base_url = $3, anonymous_read = $4, started_at = $5`,
		issuers, s.Audience, s.BaseURL, s.Open, micros(at))
	return err
}
