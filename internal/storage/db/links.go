package db

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pyindex/internal/publishers"
)

func (t *Tx) Attach(ctx context.Context, a publishers.Attached) error {
	return t.insert(ctx, "the link of this publisher to the project", `INSERT INTO project_publishers
		(project_id, publisher_id, added_at, added_by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		a.ProjectID, a.Publisher.ID, micros(a.AddedAt), a.AddedBy)
}

// Detach also removes the bindings of minted tokens, so that attaching the publisher again does not revive them.
func (t *Tx) Detach(ctx context.Context, publisherID, projectID string) (bool, error) {
	ok, err := t.did(ctx, `DELETE FROM project_publishers WHERE publisher_id = $1 AND project_id = $2`, publisherID,
		projectID)
	if err != nil || !ok {
		return false, err
	}
	_, err = t.exec(ctx, `DELETE FROM token_projects WHERE publisher_id = $1 AND project_id = $2`, publisherID, projectID)
	if err != nil {
		return false, err
	}
	err = t.deleteUnused(ctx, publisherID)
	return err == nil, err
}

func (t *Tx) HasPublishers(ctx context.Context, projectID string) (bool, error) {
	any, err := many(ctx, t, scanText, `SELECT publisher_id FROM project_publishers WHERE project_id = $1
		UNION ALL SELECT l.publisher_id FROM projects p JOIN repository_publishers l ON l.repository_id = p.repository_id
		WHERE p.id = $1 AND (p.name = l.prefix OR SUBSTR(p.name, 1, LENGTH(l.prefix) + 1) = l.prefix || '-') LIMIT 1`,
		projectID)
	return len(any) > 0, err
}

func (t *Tx) NoteBeside(ctx context.Context, tokenID, projectID string, at time.Time) (bool, error) {
	return t.did(ctx, `INSERT INTO uploads_beside_publishers (token_id, project_id, noted_at) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`, tokenID, projectID, micros(at))
}

func (t *Tx) AttachedTo(ctx context.Context, publisherID, projectID string) ([]publishers.Attached, error) {
	out, err := many(ctx, t, scanAttached, `SELECT l.project_id, r.name, l.added_at, l.added_by, `+publisherColumns+`
		FROM project_publishers l JOIN publishers p ON p.id = l.publisher_id JOIN projects r ON r.id = l.project_id
		WHERE ($1 = '' OR l.publisher_id = $1) AND ($2 = '' OR l.project_id = $2)
		ORDER BY l.added_at, l.publisher_id`, publisherID, projectID)
	slices.SortStableFunc(out, func(a, b publishers.Attached) int { return cmp.Compare(a.Project, b.Project) })
	return out, err
}

func scanAttached(r row) (publishers.Attached, error) {
	var a publishers.Attached
	var p publisherRow
	var added int64
	err := r.Scan(append([]any{&a.ProjectID, &a.Project, &added, &a.AddedBy}, p.into()...)...)
	if err != nil {
		return a, err
	}
	a.AddedAt = moment(added)
	a.Publisher, err = p.value()
	return a, err
}
