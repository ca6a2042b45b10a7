package db

import (
	"context"

	"pyindex/internal/access"
)

// InsertTokenProject implements access.TokenRows; binding twice is fine.
func (t *Tx) InsertTokenProject(ctx context.Context, b access.TokenProject) error {
	_, err := t.exec(ctx,
		`INSERT INTO token_projects (token_id, project_id, publisher_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		b.TokenID, b.ProjectID, b.PublisherID)
	return err
}

// bindingHolds is true of a binding b of a person's token, and of a minted one's while its publisher is attached.
const bindingHolds = `(b.publisher_id = '' OR EXISTS (SELECT 1 FROM project_publishers l
	WHERE l.publisher_id = b.publisher_id AND l.project_id = b.project_id))`

func (t *Tx) TokenProjects(ctx context.Context, tokenID string) ([]string, error) {
	return many(ctx, t, scanText, `SELECT DISTINCT b.project_id FROM token_projects b
		WHERE b.token_id = $1 AND `+bindingHolds+` ORDER BY b.project_id`, tokenID)
}

// tokenProjectNames returns the normal names of the projects of a user's tokens, or of everybody's for "", by token id.
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
