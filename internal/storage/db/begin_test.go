package db_test

import (
	"context"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// TestBeginFails: a transaction that cannot begin is an error, and the handle works afterwards.
func TestBeginFails(t *testing.T) {
	url := storagetest.SQLite(t)
	open := func() catalog.Store {
		d, err := db.Open(t.Context(), url, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d.Catalog()
	}
	holder, waiter := open(), open()
	nothing := func(catalog.Tx) error { return nil }
	err := holder.Update(t.Context(), func(catalog.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := waiter.Update(ctx, nothing); err == nil {
			t.Error("a second writer began while the first was writing")
		}
		return nil
	})
	if err != nil {
		t.Errorf("the first writer: %v", err)
	}
	if err := waiter.Update(t.Context(), nothing); err != nil {
		t.Errorf("the second writer, afterwards: %v", err)
	}
}
