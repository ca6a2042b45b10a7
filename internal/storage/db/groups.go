package db

import (
	"context"
	"time"

	"pyindex/internal/access"
)

const groupColumns = `g.id, g.name, g.description, g.created_at`

func scanGroup(r row) (g access.Group, err error) {
	var created int64
	err = r.Scan(&g.ID, &g.Name, &g.Description, &created)
	g.CreatedAt = moment(created)
	return g, err
}

func (t *Tx) InsertGroup(ctx context.Context, g access.Group) error {
	return t.insert(ctx, "group "+g.Name,
		`INSERT INTO groups (id, name, description, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		g.ID, g.Name, g.Description, micros(g.CreatedAt))
}

func (t *Tx) GroupByName(ctx context.Context, name string) (access.Group, error) {
	return one(ctx, t, "group", scanGroup, `SELECT `+groupColumns+` FROM groups g WHERE g.name = $1`, name)
}

func (t *Tx) Groups(ctx context.Context) ([]access.Group, error) {
	return many(ctx, t, scanGroup, `SELECT `+groupColumns+` FROM groups g ORDER BY g.name`)
}

func (t *Tx) DeleteGroup(ctx context.Context, id string) error {
	_, err := t.exec(ctx, `DELETE FROM groups WHERE id = $1`, id)
	return err
}

func (t *Tx) PutMember(ctx context.Context, groupID, userID, source string, at time.Time) error {
	_, err := t.exec(ctx,
		`INSERT INTO group_members (group_id, user_id, source, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		groupID, userID, source, micros(at))
	return err
}

func (t *Tx) RemoveMember(ctx context.Context, groupID, userID string) (bool, error) {
	return t.did(ctx, `DELETE FROM group_members WHERE group_id = $1 AND user_id = $2`, groupID, userID)
}

func (t *Tx) MembersOf(ctx context.Context, groupID string) ([]access.Member, error) {
	scan := func(r row) (m access.Member, err error) {
		var created int64
		err = r.Scan(&m.User, &m.Source, &created)
		m.CreatedAt = moment(created)
		return m, err
	}
	return many(ctx, t, scan, `SELECT u.name, m.source, m.created_at FROM group_members m JOIN users u ON u.id = m.user_id
		WHERE m.group_id = $1 ORDER BY u.name`, groupID)
}

func (t *Tx) GroupsOf(ctx context.Context, userID, source string) ([]access.Group, error) {
	return many(ctx, t, scanGroup, `SELECT `+groupColumns+` FROM groups g JOIN group_members m ON m.group_id = g.id
		WHERE m.user_id = $1 AND ($2 = '*' OR m.source = $2) ORDER BY g.name`, userID, source)
}

// PutGroupGrant implements access.GroupRows. An existing grant keeps its time.
func (t *Tx) PutGroupGrant(ctx context.Context, g access.GroupGrant) error {
	_, err := t.exec(ctx,
		`INSERT INTO group_grants (group_id, repository_id, project_id, role, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (group_id, repository_id, project_id) DO UPDATE SET role = excluded.role`,
		g.GroupID, g.RepositoryID, g.ProjectID, g.Role.String(), micros(g.CreatedAt))
	return err
}

func (t *Tx) RemoveGroupGrant(ctx context.Context, g access.GroupGrant) (bool, error) {
	return t.did(ctx, `DELETE FROM group_grants WHERE group_id = $1 AND repository_id = $2 AND project_id = $3`,
		g.GroupID, g.RepositoryID, g.ProjectID)
}

func (t *Tx) GroupGrants(ctx context.Context, groupID string) ([]access.GroupGrant, error) {
	scan := func(r row) (g access.GroupGrant, err error) {
		var role string
		var created int64
		if err = r.Scan(&g.GroupID, &g.RepositoryID, &g.ProjectID, &g.Group, &g.Repository, &g.Project, &role,
			&created); err != nil {
			return g, err
		}
		g.CreatedAt = moment(created)
		g.Role, err = access.ParseRole(role)
		return g, err
	}
	return many(ctx, t, scan,
		`SELECT x.group_id, x.repository_id, x.project_id, g.name, r.name, COALESCE(p.name, ''), x.role, x.created_at
		FROM group_grants x JOIN groups g ON g.id = x.group_id JOIN repositories r ON r.id = x.repository_id LEFT JOIN projects p ON p.id = x.project_id
		WHERE $1 = '' OR x.group_id = $1 ORDER BY g.name, r.name, COALESCE(p.name, '')`, groupID)
}
