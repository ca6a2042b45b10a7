package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/access"
	"pyindex/internal/storage/db"
)

// tokens creates n tokens of the administrator in one transaction of the site's SQLite database. The command line would
// need minutes for a thousand. It works only with a program that has the schema of this source.
func (s *site) tokens(ctx context.Context, n int) (secrets []string, err error) {
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(s.dir, "data", "index.db"), db.Options{})
	if err != nil {
		return nil, err
	}
	err = d.Access().Update(ctx, func(tx access.Tx) error {
		u, err := tx.UserByName(ctx, "bench")
		if err != nil {
			return err
		}
		for range n {
			secret, now := access.NewToken(), time.Now()
			if err := tx.InsertToken(ctx, access.Token{
				ID:        uuid.NewString(),
				Kind:      access.TokenAPI,
				Hash:      access.HashToken(secret),
				UserID:    u.ID,
				Scope:     access.ScopeUpload,
				CreatedAt: now,
				ExpiresAt: now.Add(24 * time.Hour),
			}); err != nil {
				return err
			}
			secrets = append(secrets, secret.Reveal())
		}
		return nil
	})
	return secrets, errors.Join(err, d.Close())
}
