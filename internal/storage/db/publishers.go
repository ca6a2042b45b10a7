package db

import (
	"context"
	"fmt"
	"math"
	"strings"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/publishers"
)

const publisherColumns = `p.id, p.issuer, p.provider, p.lookup, p.fields, p.owner_id, p.created_at, p.created_by`

type publisherRow struct {
	p       publishers.Publisher
	fields  string
	created int64
}

func (s *publisherRow) into() []any {
	return []any{&s.p.ID, &s.p.Issuer, &s.p.Provider, &s.p.Lookup, &s.fields, &s.p.OwnerID, &s.created, &s.p.CreatedBy}
}

func (s *publisherRow) value() (publishers.Publisher, error) {
	s.p.CreatedAt = moment(s.created)
	return s.p, decode(s.fields, &s.p.Fields)
}

func scanPublisher(r row) (publishers.Publisher, error) {
	var s publisherRow
	if err := r.Scan(s.into()...); err != nil {
		return s.p, err
	}
	return s.value()
}

func (t *Tx) PutPublisher(ctx context.Context, p publishers.Publisher) (publishers.Publisher, error) {
	fields, err := encode(p.Fields)
	if err != nil {
		return publishers.Publisher{}, err
	}
	_, err = t.exec(ctx, `INSERT INTO publishers (id, issuer, provider, lookup, fields, owner_id, created_at, created_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (issuer, provider, fields, owner_id) DO NOTHING`,
		p.ID, p.Issuer, p.Provider, p.Lookup, fields, p.OwnerID, micros(p.CreatedAt), p.CreatedBy)
	if err != nil {
		return publishers.Publisher{}, err
	}
	return one(ctx, t, "publisher", scanPublisher, `SELECT `+publisherColumns+` FROM publishers p
		WHERE p.issuer = $1 AND p.provider = $2 AND p.fields = $3 AND p.owner_id = $4`, p.Issuer, p.Provider, fields, p.OwnerID)
}

func (t *Tx) PublisherByID(ctx context.Context, id string) (publishers.Publisher, error) {
	return one(ctx, t, "publisher", scanPublisher, `SELECT `+publisherColumns+` FROM publishers p WHERE p.id = $1`, id)
}

func (t *Tx) PublishersFor(ctx context.Context, issuer string, keys ...publishers.Key) ([]publishers.Publisher, error) {
	where, args := keyed(issuer, keys)
	return many(ctx, t, scanPublisher, `SELECT `+publisherColumns+` FROM publishers p `+where, args...)
}

// keyed is the condition that selects the rules of an issuer with one of the keys, oldest first, with its arguments.
func keyed(issuer string, keys []publishers.Key) (string, []any) {
	args, values := []any{issuer}, make([]string, 0, len(keys))
	for _, k := range keys {
		args = append(args, k.Provider, k.Lookup)
		values = append(values, fmt.Sprintf("($%d, $%d)", len(args)-1, len(args)))
	}
	return `WHERE p.issuer = $1 AND (p.provider, p.lookup) IN (VALUES ` + strings.Join(values, ", ") +
		`) ORDER BY p.created_at, p.id`, args
}

// pinnedTo is the condition of a publishers.PinFilter. Ids of owner and repository that came from one token are stored
// together, with "/" between; a repository's id alone is a field. "_" in an id matches more than the id, and the caller
// compares again.
const pinnedTo = `WHERE p.issuer = $1 AND p.provider = $2 AND p.lookup <> $3 AND (
		$4 <> '' AND (p.owner_id = $4 OR p.owner_id LIKE $5) AND p.lookup LIKE $6
		OR $7 <> '' AND (p.owner_id LIKE $8 OR p.fields LIKE $9)) ORDER BY p.created_at, p.id LIMIT $10`

func pinnedArgs(f publishers.PinFilter) []any {
	name := "%"
	if f.Name != "" {
		name = "%/" + f.Name
	}
	return []any{
		f.Issuer, f.Provider, f.Except, f.Owner, f.Owner + "/%", name,
		f.Repository, "%/" + f.Repository, `%"repository_id":"` + f.Repository + `"%`, f.Limit,
	}
}

func (t *Tx) PublishersPinnedTo(ctx context.Context, f publishers.PinFilter) ([]publishers.Publisher, error) {
	return many(ctx, t, scanPublisher, `SELECT `+publisherColumns+` FROM publishers p `+pinnedTo, pinnedArgs(f)...)
}

// PinPublisher does nothing if the same rule already exists for that owner. Otherwise two equal rows could not be told
// apart.
func (t *Tx) PinPublisher(ctx context.Context, id, ownerID string) (bool, error) {
	return t.did(ctx, `UPDATE publishers SET owner_id = $2 WHERE id = $1 AND owner_id = '' AND NOT EXISTS (
		SELECT 1 FROM publishers o WHERE o.issuer = publishers.issuer AND o.provider = publishers.provider
		AND o.fields = publishers.fields AND o.owner_id = $2)`, id, ownerID)
}

func (t *Tx) PublishedFiles(ctx context.Context, projectID string, limit int) ([]catalog.PublishedFile, error) {
	scan := func(r row) (f catalog.PublishedFile, err error) {
		var claims string
		if err = r.Scan(&f.TokenID, &claims); err != nil {
			return f, err
		}
		return f, decode(claims, &f.Claims)
	}
	return many(ctx, t, scan, `SELECT f.uploader_token_id, c.claims FROM files f JOIN file_claims c ON c.file_id = f.id
		WHERE f.project_id = $1 AND f.uploader_kind = 'publisher' ORDER BY f.uploaded_at DESC, f.id DESC LIMIT $2`, projectID, limit)
}

// filesPublished and filesMinted have the conditions of their indexes.
const (
	filesPublished = `WHERE f.project_id = $1 AND f.uploader_kind = 'publisher' AND (f.uploaded_at, f.id) < ($2, $3)
		ORDER BY f.uploaded_at DESC, f.id DESC LIMIT $4`
	filesMinted = ` WHERE f.uploader_kind = 'publisher' AND f.project_id || '' = $1 AND f.uploader_token_id IN (`
)

func (t *Tx) FilesPublished(ctx context.Context, projectID string, before audit.Cursor, limit int,
) ([]catalog.File, error) {
	at := int64(math.MaxInt64)
	if !before.IsZero() {
		at = micros(before.At)
	}
	return many(ctx, t, scanFile, selectFile+filesPublished, projectID, at, before.ID, limit)
}

func (t *Tx) FilesByTokens(ctx context.Context, projectID string, tokens []string) ([]catalog.File, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	q, args := filesOfTokens(projectID, tokens)
	return many(ctx, t, scanFile, q, args...)
}

func filesOfTokens(projectID string, tokens []string) (string, []any) {
	args, places := []any{projectID}, make([]string, len(tokens))
	for i, id := range tokens {
		args = append(args, id)
		places[i] = fmt.Sprintf("$%d", len(args))
	}
	return selectFile + filesMinted + strings.Join(places, ", ") + `) ORDER BY f.uploaded_at, f.id`, args
}
