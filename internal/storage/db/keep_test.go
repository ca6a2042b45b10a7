package db_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/publishers"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// counted is a record that counts its transactions.
type counted struct {
	audit.Store
	n int
}

func (c *counted) Update(ctx context.Context, f func(audit.Rows) error) error {
	c.n++
	return c.Store.Update(ctx, f)
}

// TestRecordIsKeptAsLongAsItSays checks that refusals expire before other entries, in transactions of limited size, and
// that nothing expires without a setting.
func TestRecordIsKeptAsLongAsItSays(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		keep             audit.Keep
		granted, refused int // of the 1,200 old ones of each
	}{
		"for ever":          {audit.Keep{}, 1200, 1200},
		"refusals go":       {audit.Keep{Refused: 90 * day}, 1200, 0},
		"all go":            {audit.Keep{All: 90 * day}, 0, 0},
		"both":              {audit.Keep{All: 365 * day, Refused: 90 * day}, 1200, 0},
		"all before":        {audit.Keep{All: 90 * day, Refused: 365 * day}, 0, 0},
		"none old enough":   {audit.Keep{All: 101 * day, Refused: 101 * day}, 1200, 1200},
		"less than nothing": {audit.Keep{All: -day, Refused: -day}, 1200, 1200},
	} {
		t.Run(name, func(t *testing.T) {
			d := storagetest.OpenDB(t, storagetest.SQLite(t), db.Options{})
			err := d.Publishers().Update(t.Context(), func(tx publishers.Tx) error {
				for i := range 1200 {
					for _, o := range []audit.Outcome{audit.Granted, audit.Refused} {
						for at, age := range map[string]time.Duration{"old": 100 * day, "new": day} {
							if age == day && i > 0 {
								continue
							}
							if err := tx.InsertAudit(t.Context(),
								audit.Entry{ID: fmt.Sprint(at, o, i), At: now.Add(-age), Action: "x", Outcome: o}); err != nil {
								return err
							}
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			store := &counted{Store: d.Record()}
			removed, err := audit.Sweep(t.Context(), store, c.keep, now)
			if err != nil || removed != int64(2400-c.granted-c.refused) {
				t.Errorf("Sweep = %d, %v", removed, err)
			}
			if most := 2 + int(removed)/500; store.n > most {
				t.Errorf("%d entries took %d transactions, want at most %d", removed, store.n, most)
			} else if removed > 500 && store.n < 3 {
				t.Errorf("%d entries went in %d transactions", removed, store.n)
			}
			left, err := d.Audit(t.Context(), 10_000)
			got := map[audit.Outcome]int{}
			for _, e := range left {
				got[e.Outcome]++
			}
			if err != nil || got[audit.Granted] != c.granted+1 || got[audit.Refused] != c.refused+1 {
				t.Errorf("left are %v, %v, want %d and %d and the two new ones", got, err, c.granted, c.refused)
			}
		})
	}
}
