package db

import (
	"context"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/namelog"
	"pyindex/internal/packaging"
)

const nameColumns = `name, origin, upstream, since, by_kind, by_id, by_name, why`

func scanName(r row) (n catalog.Name, err error) {
	var name string
	var since int64
	if err = r.Scan(&name, &n.Origin, &n.Upstream, &since, &n.By.Kind, &n.By.ID, &n.By.Name, &n.Why); err != nil {
		return n, err
	}
	n.Since = moment(since)
	n.Name, err = packaging.ParseProjectName(name)
	return n, err
}

func (t *Tx) PutName(ctx context.Context, n catalog.Name) error {
	did, err := t.did(ctx, insertName+` ON CONFLICT DO NOTHING`, nameArgs(n)...)
	if err != nil || !did {
		return err
	}
	return t.unsavedName(ctx, n)
}

func (t *Tx) ReplaceName(ctx context.Context, n catalog.Name) error {
	_, err := t.exec(ctx, insertName+` ON CONFLICT (name) DO UPDATE SET origin = excluded.origin,
		upstream = excluded.upstream, since = excluded.since, by_kind = excluded.by_kind, by_id = excluded.by_id,
		by_name = excluded.by_name, why = excluded.why`, nameArgs(n)...)
	if err != nil {
		return err
	}
	return t.unsavedName(ctx, n)
}

const insertName = `INSERT INTO names (` + nameColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

func nameArgs(n catalog.Name) []any {
	return []any{
		n.Name.String(), string(n.Origin), n.Upstream, micros(n.Since), n.By.Kind, n.By.ID, n.By.Name, n.Why,
	}
}

func (t *Tx) NameOf(ctx context.Context, name packaging.ProjectName) (catalog.Name, error) {
	return one(ctx, t, "name", scanName, `SELECT `+nameColumns+` FROM names WHERE name = $1`, name.String())
}

func (t *Tx) Names(ctx context.Context, after string, limit int) ([]catalog.Name, error) {
	return many(ctx, t, scanName, `SELECT `+nameColumns+` FROM names WHERE name > $1 ORDER BY name LIMIT $2`, after, limit)
}

const deletedColumns = `repository, name, deleted_at, free_at, again_at`

func scanDeleted(r row) (d catalog.Deleted, err error) {
	var name string
	var at, free, again int64
	if err = r.Scan(&d.Repository, &name, &at, &free, &again); err != nil {
		return d, err
	}
	d.At, d.FreeAt, d.AgainAt = moment(at), moment(free), moment(again)
	d.Name, err = packaging.ParseProjectName(name)
	return d, err
}

// Kinds of owner in deleted_project_owners.
const (
	ownerUser  = "user"
	ownerGroup = "group"
)

func (t *Tx) PutDeleted(ctx context.Context, d catalog.Deleted) error {
	name := d.Name.String()
	_, err := t.exec(ctx,
		`INSERT INTO deleted_projects (`+deletedColumns+`) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (repository, name)
		DO UPDATE SET deleted_at = excluded.deleted_at, free_at = excluded.free_at, again_at = excluded.again_at`,
		d.Repository, name, micros(d.At), micros(d.FreeAt), micros(d.AgainAt))
	if err == nil {
		_, err = t.exec(ctx, `DELETE FROM deleted_project_owners WHERE repository = $1 AND name = $2`, d.Repository, name)
	}
	if err == nil {
		err = t.unsaved(ctx, namelog.KindDeleted, d.Repository, name)
	}
	if err != nil {
		return err
	}
	for kind, owners := range map[string][]string{ownerUser: d.Users, ownerGroup: d.Groups} {
		for _, id := range owners {
			if _, err := t.exec(ctx, `INSERT INTO deleted_project_owners (repository, name, kind, owner) VALUES ($1, $2, $3, $4)
				ON CONFLICT DO NOTHING`, d.Repository, name, kind, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Tx) DeletedNamed(ctx context.Context, repository string, name packaging.ProjectName) (catalog.Deleted, error) {
	d, err := one(ctx, t, "deleted project", scanDeleted, `SELECT `+deletedColumns+` FROM deleted_projects
		WHERE repository = $1 AND name = $2`, repository, name.String())
	if err != nil {
		return d, err
	}
	all, err := t.owners(ctx, ` WHERE repository = $1 AND name = $2`, repository, name.String())
	all.of(&d)
	return d, err
}

func (t *Tx) DeletedProjects(ctx context.Context) ([]catalog.Deleted, error) {
	out, err := many(ctx, t, scanDeleted, `SELECT `+deletedColumns+` FROM deleted_projects ORDER BY repository, name`)
	if err != nil {
		return nil, err
	}
	all, err := t.owners(ctx, "")
	for i := range out {
		all.of(&out[i])
	}
	return out, err
}

// lastOwners maps repository and name to the owners of a deleted project.
type lastOwners map[[2]string][]lastOwner

type lastOwner struct{ repository, name, kind, id string }

func (all lastOwners) of(d *catalog.Deleted) {
	for _, o := range all[[2]string{d.Repository, d.Name.String()}] {
		if o.kind == ownerUser {
			d.Users = append(d.Users, o.id)
		} else {
			d.Groups = append(d.Groups, o.id)
		}
	}
}

func (t *Tx) owners(ctx context.Context, where string, args ...any) (lastOwners, error) {
	scan := func(r row) (o lastOwner, err error) {
		err = r.Scan(&o.repository, &o.name, &o.kind, &o.id)
		return o, err
	}
	rows, err := many(ctx, t, scan,
		`SELECT repository, name, kind, owner FROM deleted_project_owners`+where+` ORDER BY repository, name, kind, owner`,
		args...)
	out := lastOwners{}
	for _, o := range rows {
		key := [2]string{o.repository, o.name}
		out[key] = append(out[key], o)
	}
	return out, err
}

func (t *Tx) FreeName(ctx context.Context, repository string, name packaging.ProjectName, at time.Time) (bool, error) {
	did, err := t.did(ctx, `UPDATE deleted_projects SET free_at = $3 WHERE repository = $1 AND name = $2 AND free_at > $3`,
		repository, name.String(), micros(at))
	if err != nil || !did {
		return did, err
	}
	return did, t.unsaved(ctx, namelog.KindDeleted, repository, name.String())
}

func (t *Tx) NoteAgain(ctx context.Context, repository string, name packaging.ProjectName, at time.Time) error {
	did, err := t.did(ctx, `UPDATE deleted_projects SET again_at = $3 WHERE repository = $1 AND name = $2`, repository,
		name.String(), micros(at))
	if err != nil || !did {
		return err
	}
	return t.unsaved(ctx, namelog.KindDeleted, repository, name.String())
}
