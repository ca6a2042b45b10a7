package db_test

import (
	"testing"

	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// twice opens a fresh database as two processes would.
func twice(fresh func(*testing.T) string) storagetest.Opener {
	return func(t *testing.T) (storagetest.Stores, storagetest.Stores) {
		url := fresh(t)
		return stores(storagetest.OpenDB(t, url, db.Options{})), stores(storagetest.OpenDB(t, url, db.Options{}))
	}
}

func stores(d *db.DB) storagetest.Stores {
	return storagetest.Stores{
		Access:     d.Access(),
		Catalog:    d.Catalog(),
		Publishers: d.Publishers(),
		Accounts:   d.Accounts(),
		Lockouts:   d.Lockouts(),
		Pages:      d.Pages(),
		Files:      d.UpstreamFiles(),
		Upstreams:  d.Upstreams(),
		Holds:      d.Holds(),
	}
}

func TestCatalog(t *testing.T) {
	storagetest.EachLinguistic(t,
		func(t *testing.T, fresh func(*testing.T) string) { storagetest.Catalog(t, twice(fresh)) })
}

func TestAccess(t *testing.T) {
	storagetest.EachLinguistic(t,
		func(t *testing.T, fresh func(*testing.T) string) { storagetest.Access(t, twice(fresh)) })
}

func TestPublishers(t *testing.T) {
	storagetest.EachDatabase(t,
		func(t *testing.T, fresh func(*testing.T) string) { storagetest.Publishers(t, twice(fresh)) })
}

func TestReaders(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) { storagetest.Readers(t, twice(fresh)) })
}

func TestRepositoryPublishers(t *testing.T) {
	storagetest.EachLinguistic(t,
		func(t *testing.T, fresh func(*testing.T) string) { storagetest.RepositoryPublishers(t, twice(fresh)) })
}

func TestAccounts(t *testing.T) {
	storagetest.EachDatabase(t,
		func(t *testing.T, fresh func(*testing.T) string) { storagetest.Accounts(t, twice(fresh)) })
}

func TestUpstreamPages(t *testing.T) {
	storagetest.EachLinguistic(t,
		func(t *testing.T, fresh func(*testing.T) string) { storagetest.UpstreamPages(t, twice(fresh)) })
}

func TestUpstreamFiles(t *testing.T) {
	storagetest.EachLinguistic(t,
		func(t *testing.T, fresh func(*testing.T) string) { storagetest.UpstreamFiles(t, twice(fresh)) })
}

func TestUpstreams(t *testing.T) {
	storagetest.EachLinguistic(t,
		func(t *testing.T, fresh func(*testing.T) string) { storagetest.Upstreams(t, twice(fresh)) })
}

func TestHolds(t *testing.T) {
	storagetest.EachLinguistic(t, func(t *testing.T, fresh func(*testing.T) string) { storagetest.Holds(t, twice(fresh)) })
}
