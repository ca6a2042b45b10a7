package db

import (
	"testing"
	"time"

	"pyindex/internal/catalog"
)

// TestSynthesize: what is made for measuring is read as what uploads made.
func TestSynthesize(t *testing.T) {
	for name, fresh := range map[string]func(*testing.T) string{"sqlite": freshSQLite, "postgres": freshPostgres} {
		t.Run(name, func(t *testing.T) {
			d := openAt(t, fresh(t), Options{})
			begin := time.Now()
			n, err := d.Synthesize(t.Context(), 1, 1101, func(int, int) {})
			if err != nil || n < 1100 {
				t.Fatalf("Synthesize() = %d, %v", n, err)
			}
			t.Logf("%d files in %v", n, time.Since(begin))
			err = d.Catalog().View(t.Context(), func(tx catalog.Tx) error {
				main, err := tx.RepositoryByName(t.Context(), catalog.MainRepository)
				if err != nil {
					return err
				}
				all, err := tx.Projects(t.Context(), main.ID)
				if len(all) != 1100 {
					t.Errorf("%d projects are there, want 1100", len(all))
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
