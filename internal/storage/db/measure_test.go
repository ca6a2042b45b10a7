package db_test

import (
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// TestMeasures: both databases answer the questions of the metrics and of the doctor.
func TestMeasures(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		d := storagetest.OpenDB(t, fresh(t), db.Options{})
		totals, err := d.Totals(t.Context(), catalog.Limits{ProjectSize: 1000, RepositorySize: 1000})
		if err != nil || totals.Repositories != 1 || totals.Files != 0 || totals.Database == 0 {
			t.Errorf("Totals() = %+v, %v", totals, err)
		}
		o, err := d.Operations(t.Context(), time.Now())
		if err != nil || o.HasFiles || !o.LastBackup.IsZero() || len(o.Leases) != 0 {
			t.Errorf("Operations() = %+v, %v", o, err)
		}
		s, err := d.Settings(t.Context())
		if err != nil || !s.Postgres && s.Journal != "wal" ||
			s.Postgres && (s.MaxConnections <= 0 || s.Connections <= 0 || s.Isolation == "" || s.ReadOnly != "off") {
			t.Errorf("Settings() = %+v, %v", s, err)
		}
		ahead, exact, ok, err := d.Clock(t.Context())
		if err != nil || ok != s.Postgres || ahead.Abs() > exact+time.Minute {
			t.Errorf("Clock() = %v, %v, %v, %v", ahead, exact, ok, err)
		}
	})
}
