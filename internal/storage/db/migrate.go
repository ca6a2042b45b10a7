package db

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// embedded contains the SQL migrations.
//
//go:embed migrations/*.sql
var embedded embed.FS

// SchemaVersion returns the number of the newest migration applied to the database.
func (d *DB) SchemaVersion(ctx context.Context) (int64, error) {
	p, err := d.provider()
	if err != nil {
		return 0, err
	}
	version, err := p.GetDBVersion(ctx)
	return version, d.dialect.explain(err)
}

func (d *DB) provider() (*goose.Provider, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(d.dialect.goose, d.write, files, goose.WithSlog(d.options.Log),
		goose.WithDisableGlobalRegistry(true),
		goose.WithGoMigrations(d.dialect.searchMigrations()...))
}

// migrate applies the missing migrations, each in its own transaction. Two processes may start at once. On PostgreSQL a
// lock serializes them; on SQLite the slower process fails on a migration that the other has just applied, and retries.
func (d *DB) migrate(ctx context.Context) error {
	unlock, err := d.dialect.lock(ctx, d.write)
	if err != nil {
		return err
	}
	defer unlock()
	for n := 1; ; n++ {
		err := d.migrateOnce(ctx)
		if err == nil && d.dialect.collate != nil {
			err = d.dialect.collate(ctx, d.write)
		}
		if err == nil || n >= d.dialect.tries || fault.Is(err, fault.Invalid) {
			return err
		}
		if err := pause(ctx, time.Duration(min(n, 4))*25*time.Millisecond); err != nil {
			return err
		}
	}
}

func (d *DB) migrateOnce(ctx context.Context) error {
	p, err := d.provider()
	if err != nil {
		return err
	}
	have, know, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > know {
		return fault.New(fault.Invalid,
			"the database has schema %d, but this version supports %d at most: start the newer version, or restore a backup made by this one", have, know)
	}
	if have == know {
		return nil
	}
	_, err = p.Up(ctx)
	return err
}

// ensureMain creates the repository "main" if it is missing.
func (d *DB) ensureMain(ctx context.Context) error {
	found := func(t *Tx) error {
		_, err := t.RepositoryByName(ctx, catalog.MainRepository)
		return err
	}
	if err := d.view(ctx, found); !fault.Is(err, fault.NotFound) {
		return err
	}
	main := catalog.EmptyRepository(d.options.NewID(), catalog.MainRepository, d.options.Now())
	main.Members, main.Public = access.Uploader, true
	err := d.update(ctx, func(t *Tx) error { return t.InsertRepository(ctx, main) })
	if fault.Is(err, fault.Conflict) { // another process was faster
		return nil
	}
	return err
}
