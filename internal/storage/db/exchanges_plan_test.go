package db

import (
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/publishers"
)

// TestExchangesAreFoundByIndex checks that the exchanges of one project or publisher are found without scanning all.
func TestExchangesAreFoundByIndex(t *testing.T) {
	d, err := Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "index.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, c := range []struct {
		f    publishers.ExchangeFilter
		want string
	}{
		{publishers.ExchangeFilter{RepositoryID: "r", Project: "p", Limit: 100}, "(repository_id=? AND project=?)"},
		{publishers.ExchangeFilter{Subject: "s", Limit: 1}, "audit_exchanges_subject (subject=?)"},
		{publishers.ExchangeFilter{Limit: 10}, "audit_"},
	} {
		q, args := exchangeQuery(c.f)
		var plan []string
		err := d.Publishers().View(t.Context(), func(tx publishers.Tx) error {
			return tx.(*Tx).query(t.Context(), func(r row) error {
				var a, b, c int
				var text string
				err := r.Scan(&a, &b, &c, &text)
				plan = append(plan, text)
				return err
			}, "EXPLAIN QUERY PLAN "+q, args...)
		})
		got := strings.Join(plan, "; ")
		if err != nil || !strings.Contains(got, c.want) || strings.Contains(got, "TEMP B-TREE") {
			t.Errorf("plan of %+v: %s (%v), want %s", c.f, got, err, c.want)
		}
	}
}
