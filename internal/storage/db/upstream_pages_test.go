package db_test

import (
	"context"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/postgrestest"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/upstream/pages"
)

// TestPagesBesideAWriter: pages of upstreams are written while another process changes the index, and it goes on.
func TestPagesBesideAWriter(t *testing.T) {
	postgrestest.Skip(t)
	url := storagetest.Postgres(t)
	writer, aside := storagetest.OpenDB(t, url, db.Options{}), storagetest.OpenDB(t, url, db.Options{})
	err := writer.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		k := pages.Key{Upstream: "public"}
		return aside.Pages().Update(ctx, func(tx pages.Tx) error {
			_, err := tx.LeaseUpstream(ctx, k, "a", time.Now(), time.Now())
			return err
		})
	})
	if err != nil {
		t.Errorf("while another process writes: %v", err)
	}
}
