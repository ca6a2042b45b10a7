package db

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
)

// sorted reports whether a plan sorts more than the entries of one microsecond by their ids.
func sorted(plan string) bool {
	return strings.Contains(strings.ReplaceAll(plan, "TEMP B-TREE FOR LAST TERM OF ORDER BY", ""), "TEMP B-TREE")
}

// TestEntriesAreFoundByIndex checks that a page of the audit log is read from its start and in order with every filter,
// regardless of the length of the log.
func TestEntriesAreFoundByIndex(t *testing.T) {
	d, err := Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "index.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	at := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		f    audit.Filter
		want string // "" for any index in the right order
	}{
		{audit.Filter{}, ""},
		{audit.Filter{After: audit.Cursor{At: at, ID: "i"}}, ""},
		{audit.Filter{Since: at, Until: at}, ""},
		{audit.Filter{RepositoryID: "r", Project: "p", Since: at}, "(repository_id=? AND project=?"},
		{
			audit.Filter{RepositoryID: "r", Project: "p", Since: at, After: audit.Cursor{At: at, ID: "i"}},
			"(repository_id=? AND project=?",
		},
		{
			audit.Filter{RepositoryID: "r", Project: "p", Actions: []string{"file.add", "file.yank"}},
			"(repository_id=? AND project=?",
		},
		{
			audit.Filter{RepositoryID: "r", Project: "p", Without: []string{"publisher.exchange"}},
			"(repository_id=? AND project=?",
		},
		{audit.Filter{RepositoryID: "r", Project: "p", Actor: "ann", Text: "x"}, "(repository_id=? AND project=?"},
		{audit.Filter{Actions: []string{"file.add"}}, "audit_action (action=?"},
		{audit.Filter{Actor: "ann"}, "audit_actor (actor_name=?"},
		{audit.Filter{Actor: "ann", ActorID: "a", Outcome: audit.Refused}, "audit_actor (actor_name=?"},
		{audit.Filter{RepositoryID: "r", Project: "p", NotActorID: "a"}, "(repository_id=? AND project=?"},
		{audit.Filter{Address: "192.0.2.1", After: audit.Cursor{At: at, ID: "i"}}, "audit_address (address=?"},
		{audit.Filter{Outcome: audit.Refused}, ""},
		{audit.Filter{Text: "x"}, ""},
	} {
		c.f.Limit = 50
		q, args := entryQuery(c.f)
		var plan []string
		err := d.Catalog().View(t.Context(), func(tx catalog.Tx) error {
			return tx.(*Tx).query(t.Context(), func(r row) error {
				var a, b, c int
				var text string
				err := r.Scan(&a, &b, &c, &text)
				plan = append(plan, text)
				return err
			}, "EXPLAIN QUERY PLAN "+q, args...)
		})
		got := strings.Join(plan, "; ")
		if err != nil || !strings.Contains(got, "USING INDEX audit_") || !strings.Contains(got, c.want) ||
			sorted(got) {
			t.Errorf("plan of %+v: %s (%v), want %s and no sorting", c.f, got, err, c.want)
		}
	}
}
