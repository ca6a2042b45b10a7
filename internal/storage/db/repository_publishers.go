package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

const repositoryPublisherColumns = `l.id, l.repository_id, l.prefix, l.creates, l.owner_id, l.added_at, l.added_by, ` +
	publisherColumns

func scanRepositoryPublisher(r row) (publishers.RepositoryPublisher, error) {
	var out publishers.RepositoryPublisher
	var p publisherRow
	var prefix string
	var added int64
	err := r.Scan(append([]any{
		&out.ID, &out.RepositoryID, &prefix, &out.Creates, &out.OwnerUser, &added, &out.AddedBy,
	}, p.into()...)...)
	if err != nil {
		return out, err
	}
	out.AddedAt = moment(added)
	if out.Prefix, err = packaging.ParseNamePrefix(prefix); err != nil {
		return out, err
	}
	out.Publisher, err = p.value()
	return out, err
}

func (t *Tx) InsertRepositoryPublisher(ctx context.Context, v publishers.RepositoryPublisher) error {
	return t.insert(ctx, "this publisher of the repository", `INSERT INTO repository_publishers
		(id, repository_id, publisher_id, prefix, creates, owner_id, added_at, added_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		v.ID, v.RepositoryID, v.Publisher.ID, v.Prefix.String(), v.Creates, v.OwnerUser, micros(v.AddedAt), v.AddedBy)
}

// DeleteRepositoryPublisher also removes the bindings of minted tokens, so that recreating the row does not revive
// them.
func (t *Tx) DeleteRepositoryPublisher(ctx context.Context, id string) (bool, error) {
	of, err := many(ctx, t, scanText, `SELECT publisher_id FROM repository_publishers WHERE id = $1`, id)
	if err != nil || len(of) == 0 {
		return false, err
	}
	ok, err := t.did(ctx, `DELETE FROM repository_publishers WHERE id = $1`, id)
	if err != nil || !ok {
		return false, err
	}
	if _, err := t.exec(ctx, `DELETE FROM token_names WHERE repository_publisher_id = $1`, id); err != nil {
		return false, err
	}
	err = t.deleteUnused(ctx, of[0])
	return err == nil, err
}

// deleteUnused deletes a publisher without any links.
func (t *Tx) deleteUnused(ctx context.Context, publisherID string) error {
	_, err := t.exec(ctx, `DELETE FROM publishers WHERE id = $1
		AND NOT EXISTS (SELECT 1 FROM project_publishers l WHERE l.publisher_id = publishers.id)
		AND NOT EXISTS (SELECT 1 FROM repository_publishers l WHERE l.publisher_id = publishers.id)`, publisherID)
	return err
}

// RepositoryPublishers sorts in Go because the databases sort text differently.
func (t *Tx) RepositoryPublishers(ctx context.Context,
	publisherID, repositoryID string,
) ([]publishers.RepositoryPublisher, error) {
	// Only the given ids are compared, so that an index is used: every exchange asks for its publishers.
	q := `SELECT ` + repositoryPublisherColumns +
		` FROM repository_publishers l JOIN publishers p ON p.id = l.publisher_id`
	var args []any
	for _, c := range [][2]string{{"l.publisher_id", publisherID}, {"l.repository_id", repositoryID}} {
		if c[1] != "" {
			args = append(args, c[1])
			q += fmt.Sprintf(" %s %s = $%d", map[bool]string{true: "WHERE", false: "AND"}[len(args) == 1], c[0], len(args))
		}
	}
	out, err := many(ctx, t, scanRepositoryPublisher, q+` ORDER BY l.added_at, l.id`, args...)
	slices.SortStableFunc(out, func(a, b publishers.RepositoryPublisher) int {
		return cmp.Or(cmp.Compare(a.RepositoryID, b.RepositoryID), cmp.Compare(a.Prefix.String(), b.Prefix.String()))
	})
	return out, err
}

func (t *Tx) InsertTokenNames(ctx context.Context, tokenID, id string) error {
	_, err := t.exec(ctx, `INSERT INTO token_names (token_id, repository_publisher_id) VALUES ($1, $2)
		ON CONFLICT DO NOTHING`, tokenID, id)
	return err
}

// TokenNames implements access.NameRows. A binding to a deleted row is ignored.
func (t *Tx) TokenNames(ctx context.Context, tokenID string) ([]access.NameRule, error) {
	scan := func(r row) (n access.NameRule, err error) {
		var prefix string
		if err = r.Scan(&n.ID, &n.RepositoryID, &prefix, &n.Creates, &n.OwnerID); err != nil {
			return n, err
		}
		n.Prefix, err = packaging.ParseNamePrefix(prefix)
		return n, err
	}
	return many(ctx, t, scan, `SELECT l.id, l.repository_id, l.prefix, l.creates, l.owner_id FROM token_names b
		JOIN repository_publishers l ON l.id = b.repository_publisher_id WHERE b.token_id = $1 ORDER BY l.id`, tokenID)
}

// CoveredProjects compares in byte order: "." is the byte after "-".
func (t *Tx) CoveredProjects(ctx context.Context, repositoryID string, prefix packaging.NamePrefix) (int, error) {
	return one(ctx, t, "count", scanCount, `SELECT COUNT(*) FROM projects WHERE repository_id = $1
		AND (name = $2 OR name >= $3 AND name < $4)`, repositoryID, prefix.String(), prefix.String()+"-", prefix.String()+".")
}
