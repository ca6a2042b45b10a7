package db_test

import (
	"testing"
	"time"

	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/transfer"
)

func TestLeases(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
		storagetest.Leases(t, &now, func(t *testing.T) (a, b storagetest.LeaseStores) {
			url, o := fresh(t), db.Options{Now: func() time.Time { return now }}
			one, two := storagetest.OpenDB(t, url, o), storagetest.OpenDB(t, url, o)
			return storagetest.LeaseStores{Leases: one, Catalog: one.Catalog()},
				storagetest.LeaseStores{Leases: two, Catalog: two.Catalog()}
		})
	})
}

func TestImports(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		storagetest.Imports(t, func(t *testing.T) (a, b transfer.Store) {
			url := fresh(t)
			return storagetest.OpenDB(t, url, db.Options{}).Transfer(), storagetest.OpenDB(t, url, db.Options{}).Transfer()
		})
	})
}
