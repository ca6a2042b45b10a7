package db

import (
	"cmp"
	"context"
	"slices"

	"pyindex/internal/publishers"
)

const selectReader = `SELECT p.repository_id, p.whole, ` + publisherColumns + ` FROM readers p `

func scanReader(r row) (publishers.Reader, error) {
	var out publishers.Reader
	var p publisherRow
	err := r.Scan(append([]any{&out.RepositoryID, &out.Whole}, p.into()...)...)
	if err != nil {
		return out, err
	}
	out.Publisher, err = p.value()
	return out, err
}

func (t *Tx) InsertReader(ctx context.Context, v publishers.Reader) error {
	fields, err := encode(v.Fields)
	if err != nil {
		return err
	}
	err = t.insert(ctx, "reader", `INSERT INTO readers
		(id, repository_id, whole, issuer, provider, lookup, fields, owner_id, created_at, created_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		v.ID, v.RepositoryID, v.Whole, v.Issuer, v.Provider, v.Lookup, fields, v.OwnerID, micros(v.CreatedAt), v.CreatedBy)
	if err != nil {
		return err
	}
	for _, p := range v.Projects {
		if _, err := t.exec(ctx, `INSERT INTO reader_projects (reader_id, project_id) VALUES ($1, $2)`, v.ID,
			p.ID); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) readers(ctx context.Context, q string, args ...any) ([]publishers.Reader, error) {
	out, err := many(ctx, t, scanReader, q, args...)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Projects, err = t.readerProjects(ctx, out[i].ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *Tx) readerProjects(ctx context.Context, id string) ([]publishers.ReaderProject, error) {
	scan := func(r row) (p publishers.ReaderProject, err error) {
		err = r.Scan(&p.ID, &p.Name)
		return p, err
	}
	out, err := many(ctx, t, scan, `SELECT p.id, p.name FROM reader_projects l JOIN projects p ON p.id = l.project_id
		WHERE l.reader_id = $1`, id)
	slices.SortFunc(out, func(a, b publishers.ReaderProject) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

func (t *Tx) ReaderByID(ctx context.Context, id string) (publishers.Reader, error) {
	r, err := one(ctx, t, "reader", scanReader, selectReader+`WHERE p.id = $1`, id)
	if err == nil {
		r.Projects, err = t.readerProjects(ctx, id)
	}
	return r, err
}

func (t *Tx) ReadersFor(ctx context.Context, issuer string, keys ...publishers.Key) ([]publishers.Reader, error) {
	where, args := keyed(issuer, keys)
	return t.readers(ctx, selectReader+where, args...)
}

func (t *Tx) ReadersPinnedTo(ctx context.Context, f publishers.PinFilter) ([]publishers.Reader, error) {
	return t.readers(ctx, selectReader+pinnedTo, pinnedArgs(f)...)
}

func (t *Tx) ReadersAll(ctx context.Context) ([]publishers.Reader, error) {
	return t.readers(ctx, selectReader+`ORDER BY p.created_at, p.id`)
}

func (t *Tx) PinReader(ctx context.Context, id, ownerID string) (bool, error) {
	return t.did(ctx, `UPDATE readers SET owner_id = $2 WHERE id = $1 AND owner_id = ''`, id, ownerID)
}

// DeleteReader also removes the bindings of minted tokens, so that recreating the rule does not revive them.
func (t *Tx) DeleteReader(ctx context.Context, id string) (bool, error) {
	ok, err := t.did(ctx, `DELETE FROM readers WHERE id = $1`, id)
	if err != nil || !ok {
		return false, err
	}
	_, err = t.exec(ctx, `DELETE FROM token_readers WHERE reader_id = $1`, id)
	return err == nil, err
}
