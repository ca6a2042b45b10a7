package db

import (
	"context"

	"pyindex/internal/access"
)

// InsertTokenProject implements access.TokenRows. Inserting a binding twice is not an error.
func (t *Tx) InsertTokenProject(ctx context.Context, b access.TokenProject) error {
	_, err := t.exec(ctx,
		`INSERT INTO token_projects (token_id, project_id, publisher_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		b.TokenID, b.ProjectID, b.PublisherID)
	return err
}

// bindingHolds is true for a binding b of a user's token, and for one of a minted token while its publisher is
// attached.
const bindingHolds = `(b.publisher_id = '' OR EXISTS (SELECT 1 FROM project_publishers l
	WHERE l.publisher_id = b.publisher_id AND l.project_id = b.project_id))`

func (t *Tx) TokenProjects(ctx context.Context, tokenID string) ([]string, error) {
	return many(ctx, t, scanText, `SELECT DISTINCT b.project_id FROM token_projects b
		WHERE b.token_id = $1 AND `+bindingHolds+` ORDER BY b.project_id`, tokenID)
}

// tokenProjectNames maps token ids to normalized project names, for a user's tokens or for all tokens if userID is "".
func (t *Tx) tokenProjectNames(ctx context.Context, userID string) (map[string][]string, error) {
	out := map[string][]string{}
	each := func(r row) error {
		var id, name string
		err := r.Scan(&id, &name)
		out[id] = append(out[id], name)
		return err
	}
	return out, t.query(ctx, each, `SELECT b.token_id, p.name FROM token_projects b
		JOIN tokens t ON t.id = b.token_id JOIN projects p ON p.id = b.project_id
		WHERE t.kind = 'api' AND ($1 = '' OR t.user_id = $1) ORDER BY b.token_id, p.name`, userID)
}
