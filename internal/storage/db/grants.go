package db

import (
	"context"

	"pyindex/internal/access"
)

func scanGrant(r row) (access.Grant, error) {
	var g access.Grant
	var role string
	var created int64
	if err := r.Scan(&g.UserID, &g.RepositoryID, &g.ProjectID, &role, &created); err != nil {
		return g, err
	}
	var err error
	g.Role, err = access.ParseRole(role)
	g.CreatedAt = moment(created)
	return g, err
}

// PutGrant implements access.GrantRows. An existing grant keeps its time.
func (t *Tx) PutGrant(ctx context.Context, g access.Grant) error {
	_, err := t.exec(ctx,
		`INSERT INTO grants (user_id, repository_id, project_id, role, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, repository_id, project_id) DO UPDATE SET role = excluded.role`,
		g.UserID, g.RepositoryID, g.ProjectID, g.Role.String(), micros(g.CreatedAt))
	return err
}

func (t *Tx) RemoveGrant(ctx context.Context, g access.Grant) (bool, error) {
	return t.did(ctx, `DELETE FROM grants WHERE user_id = $1 AND repository_id = $2 AND project_id = $3`, g.UserID,
		g.RepositoryID, g.ProjectID)
}

func (t *Tx) GrantsOf(ctx context.Context, userID string) ([]access.Grant, error) {
	return many(ctx, t, scanGrant,
		`SELECT user_id, repository_id, project_id, role, created_at FROM grants WHERE user_id = $1
		UNION ALL SELECT m.user_id, x.repository_id, x.project_id, x.role, x.created_at FROM group_members m
		JOIN group_grants x ON x.group_id = m.group_id WHERE m.user_id = $1 ORDER BY 2, 3, 5`, userID)
}

func (t *Tx) GrantsAbout(ctx context.Context, repositoryID, projectID string) ([]access.Grant, error) {
	const selects = `SELECT user_id, repository_id, project_id, role, created_at FROM grants `
	if projectID == "" {
		return many(ctx, t, scanGrant, selects+`WHERE repository_id = $1 ORDER BY created_at, user_id, project_id`,
			repositoryID)
	}
	return many(ctx, t, scanGrant,
		selects+`WHERE project_id IN ($2, '') AND repository_id = $1 ORDER BY created_at, user_id, project_id`, repositoryID,
		projectID)
}
