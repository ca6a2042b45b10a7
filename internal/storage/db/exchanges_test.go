package db_test

import (
	"testing"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/publishers"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// TestForgettingExchangesLeavesTheRest checks that only exchanges are deleted, whatever the time.
func TestForgettingExchangesLeavesTheRest(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		d := storagetest.OpenDB(t, fresh(t), db.Options{})
		at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		err := d.Publishers().Update(t.Context(), func(tx publishers.Tx) error {
			for _, action := range []string{
				"publisher.exchange", "publisher.exchanges", "publisher.add", "Publisher.Exchange", "",
			} {
				if err := tx.InsertAudit(t.Context(), audit.Entry{ID: "entry " + action, At: at, Action: action}); err != nil {
					return err
				}
			}
			_, err := tx.DeleteExchangesBefore(t.Context(), at.AddDate(100, 0, 0), 100)
			return err
		})
		left, e := d.Audit(t.Context(), 10)
		if err != nil || e != nil || len(left) != 4 {
			t.Errorf("after forgetting exchanges %d entries are left (%v, %v), want 4", len(left), err, e)
		}
		for _, entry := range left {
			if entry.Action == "publisher.exchange" {
				t.Error("the exchange is still there")
			}
		}
	})
}
