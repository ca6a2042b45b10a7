package db

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
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

// GrantsOf implements access.Tx. A user with thousands of projects is looked up again after every change, so the user's
// own grants are one text, in the order of their primary key: thousands of rows cost a driver four times as much.
func (t *Tx) GrantsOf(ctx context.Context, userID string) (all []access.Grant, err error) {
	err = t.query(ctx, func(r row) error {
		var text string
		if err := r.Scan(&text); err != nil || text == "" {
			return err
		}
		all = slices.Grow(all, strings.Count(text, listEnd)+1)
		for one := range strings.SplitSeq(text, listEnd) {
			g, err := parseGrant(userID, one)
			if err != nil {
				return err
			}
			all = append(all, g)
		}
		return nil
	}, `SELECT COALESCE(string_agg(concat_ws(CAST($2 AS TEXT), repository_id, project_id, role, created_at), CAST($3 AS TEXT)), '')
		FROM grants WHERE user_id = $1
		UNION ALL SELECT concat_ws(CAST($2 AS TEXT), x.repository_id, x.project_id, x.role, x.created_at) FROM group_members m
		JOIN group_grants x ON x.group_id = m.group_id WHERE m.user_id = $1`, userID, listSeparator, listEnd)
	order := func(a, b access.Grant) int {
		return cmp.Or(cmp.Compare(a.RepositoryID, b.RepositoryID), cmp.Compare(a.ProjectID, b.ProjectID),
			a.CreatedAt.Compare(b.CreatedAt))
	}
	if !slices.IsSortedFunc(all, order) {
		slices.SortStableFunc(all, order)
	}
	return all, err
}

// listEnd is between the rows of one text; see listSeparator.
const listEnd = "\x1e"

func parseGrant(userID, text string) (access.Grant, error) {
	g := access.Grant{UserID: userID}
	part := strings.Split(text, listSeparator)
	if len(part) != 4 {
		return g, fault.New(fault.Internal, "the row of a grant is malformed: %q", text)
	}
	at, err := strconv.ParseInt(part[3], 10, 64)
	if err != nil {
		return g, fault.Wrap(fault.Internal, err, "the row of a grant is malformed: %v", err)
	}
	g.RepositoryID, g.ProjectID, g.CreatedAt = part[0], part[1], moment(at)
	g.Role, err = access.ParseRole(part[2])
	return g, err
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
