package db

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

const selectService = `SELECT u.id, u.name, u.created_at, u.disabled_at, s.description, s.created_by, COALESCE(c.name, ''), s.removed_at,
	s.project_id, COALESCE(p.name, ''), COALESCE(p.repository_id, ''), COALESCE(r.name, ''), s.group_id, COALESCE(g.name, '')
	FROM services s JOIN users u ON u.id = s.user_id LEFT JOIN users c ON c.id = s.created_by LEFT JOIN projects p ON p.id = s.project_id
	LEFT JOIN repositories r ON r.id = p.repository_id LEFT JOIN groups g ON g.id = s.group_id `

func scanService(r row) (s access.Service, err error) {
	var created, disabled, removed int64
	err = r.Scan(&s.ID, &s.Name, &created, &disabled, &s.Description, &s.CreatedBy, &s.Creator, &removed,
		&s.ProjectID, &s.Project, &s.RepositoryID, &s.Repository, &s.GroupID, &s.Group)
	s.CreatedAt, s.DisabledAt, s.RemovedAt = moment(created), moment(disabled), moment(removed)
	return s, err
}

// InsertService implements access.ServiceRows. The statement itself checks that the project or group still exists.
func (t *Tx) InsertService(ctx context.Context, s access.Service) error {
	ok, err := t.did(ctx, `INSERT INTO services (user_id, project_id, group_id, description, created_by, removed_at)
		SELECT $1, $2, $3, $4, $5, 0 FROM users u WHERE u.id = $1
		AND ($2 = '' OR EXISTS (SELECT 1 FROM projects p WHERE p.id = $2))
		AND ($3 = '' OR EXISTS (SELECT 1 FROM groups g WHERE g.id = $3))`,
		s.ID, s.ProjectID, s.GroupID, s.Description, s.CreatedBy)
	if err == nil && !ok {
		return fault.New(fault.NotFound, "the project or group of the service account does not exist")
	}
	return err
}

func (t *Tx) ServiceByName(ctx context.Context, name string) (access.Service, error) {
	return one(ctx, t, "service account", scanService, selectService+`WHERE u.name = $1`, name)
}

func (t *Tx) ServiceByID(ctx context.Context, id string) (access.Service, error) {
	return one(ctx, t, "service account", scanService, selectService+`WHERE s.user_id = $1`, id)
}

func (t *Tx) Services(ctx context.Context, projectID, groupID string) ([]access.Service, error) {
	return many(ctx, t, scanService, selectService+`WHERE s.removed_at = 0 AND ($1 = '' OR s.project_id = $1)
		AND ($2 = '' OR s.group_id = $2) ORDER BY u.name`, projectID, groupID)
}

func (t *Tx) CountServices(ctx context.Context, projectID, createdBy string) (ofProject, byUser int, err error) {
	ofProject, err = one(ctx, t, "number", scanCount,
		`SELECT COUNT(*) FROM services WHERE project_id = $1 AND project_id <> ''`, projectID)
	if err == nil {
		byUser, err = one(ctx, t, "number", scanCount,
			`SELECT COUNT(*) FROM services WHERE created_by = $1 AND project_id <> ''`, createdBy)
	}
	return ofProject, byUser, err
}

// RemoveService implements access.ServiceRows. It keeps the rows of the account and its tokens, because the audit log
// and files name them.
func (t *Tx) RemoveService(ctx context.Context, id string, at time.Time) (bool, error) {
	did, err := t.did(ctx, `UPDATE services SET removed_at = $2 WHERE user_id = $1 AND removed_at = 0`, id, micros(at))
	if err != nil || !did {
		return false, err
	}
	if _, err := t.RevokeTokensOf(ctx, id, at); err != nil {
		return false, err
	}
	if _, err := t.exec(ctx, `UPDATE users SET disabled_at = $2 WHERE id = $1 AND disabled_at = 0`, id,
		micros(at)); err != nil {
		return false, err
	}
	for _, q := range []string{
		`DELETE FROM grants WHERE user_id = $1`,
		`DELETE FROM group_members WHERE user_id = $1`,
	} {
		if _, err := t.exec(ctx, q, id); err != nil {
			return false, err
		}
	}
	return true, nil
}
