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

// GrantsOf implements access.GrantRows.
func (t *Tx) GrantsOf(ctx context.Context, userID string) ([]access.Grant, error) {
	all, _, err := t.GrantsUnless(ctx, userID, 0)
	return all, err
}

// GrantsUnless implements access.GrantRows. The user's own grants are one text, in the order of their primary key:
// thousands of rows cost a driver four times as much.
func (t *Tx) GrantsUnless(ctx context.Context, userID string, mark int64) (all []access.Grant, now int64, err error) {
	err = t.query(ctx, func(r row) error {
		var marked int64
		var text string
		if err := r.Scan(&marked, &text); err != nil || text == "" {
			now = cmp.Or(now, marked)
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
	}, grantsUnless, userID, listSeparator, listEnd, mark)
	order := func(a, b access.Grant) int {
		return cmp.Or(cmp.Compare(a.RepositoryID, b.RepositoryID), cmp.Compare(a.ProjectID, b.ProjectID),
			a.CreatedAt.Compare(b.CreatedAt))
	}
	if !slices.IsSortedFunc(all, order) {
		slices.SortStableFunc(all, order)
	}
	return all, now, err
}

// grantsUnless selects the mark of a user's grants, and the grants as text unless $4 is the mark.
const grantsUnless = `SELECT mark, '' FROM grant_marks WHERE user_id = $1
	UNION ALL SELECT 0, COALESCE(string_agg(concat_ws(CAST($2 AS TEXT), repository_id, project_id, role, created_at), CAST($3 AS TEXT)), '')
	FROM grants WHERE user_id = $1 AND ` + marksDiffer + `
	UNION ALL SELECT 0, concat_ws(CAST($2 AS TEXT), x.repository_id, x.project_id, x.role, x.created_at) FROM group_members m
	JOIN group_grants x ON x.group_id = m.group_id WHERE m.user_id = $1 AND ` + marksDiffer

// marksDiffer does not depend on the rows of grants, so databases decide it before they read any.
const marksDiffer = `NOT EXISTS (SELECT 1 FROM grant_marks k WHERE k.user_id = $1 AND k.mark = $4)`

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
