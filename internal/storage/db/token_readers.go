package db

import (
	"context"

	"pyindex/internal/access"
)

func (t *Tx) InsertTokenReader(ctx context.Context, tokenID, readerID string) error {
	_, err := t.exec(ctx, `INSERT INTO token_readers (token_id, reader_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
		tokenID, readerID)
	return err
}

// TokenReads implements access.ReadRows. A binding to a deleted rule is ignored.
func (t *Tx) TokenReads(ctx context.Context, tokenID string) (access.Reads, error) {
	repositories, err := many(ctx, t, scanText, `SELECT DISTINCT r.repository_id FROM token_readers b
		JOIN readers r ON r.id = b.reader_id WHERE b.token_id = $1 AND r.whole ORDER BY r.repository_id`, tokenID)
	if err != nil {
		return access.Reads{}, err
	}
	projects, err := many(ctx, t, scanText, `SELECT DISTINCT p.project_id FROM token_readers b
		JOIN readers r ON r.id = b.reader_id JOIN reader_projects p ON p.reader_id = r.id
		WHERE b.token_id = $1 AND NOT r.whole ORDER BY p.project_id`, tokenID)
	return access.Reads{Repositories: repositories, Projects: projects}, err
}
