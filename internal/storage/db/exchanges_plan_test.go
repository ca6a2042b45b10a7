package db

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/audit"
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
		{
			publishers.ExchangeFilter{RepositoryID: "r", Project: "p", Rule: "i", Limit: 100},
			"audit_exchanges_rule (actor_id=? AND repository_id=? AND project=?",
		},
		{
			publishers.ExchangeFilter{
				RepositoryID: "r", Project: "p", Rule: "i", Before: audit.Cursor{At: time.Unix(1, 0), ID: "i"}, Limit: 100,
			},
			"audit_exchanges_rule (actor_id=? AND repository_id=? AND project=?",
		},
	} {
		q, args := exchangeQuery(c.f)
		got, err := planOf(t, d, q, args)
		if err != nil || !strings.Contains(got, c.want) || sorted(got) {
			t.Errorf("plan of %+v: %s (%v), want %s", c.f, got, err, c.want)
		}
	}
}

// TestLetInIsFoundByIndex checks that the files and the changes of one publisher are found without reading all.
func TestLetInIsFoundByIndex(t *testing.T) {
	d, err := Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "index.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	minted, args := filesOfTokens("p", []string{"a", "b"})
	for _, c := range []struct {
		q      string
		args   []any
		want   string
		sorted bool // the rows come from the index in order
	}{
		{selectFile + filesPublished, []any{"p", 1, "i", 10}, "files_project (project_id=? AND uploaded_at<?)", true},
		{minted, args, "files_minted (uploader_token_id=?)", false},
		{selectRuleChanges, []any{"i", "r", "p", 10}, "audit_rules (subject=?)", true},
	} {
		got, err := planOf(t, d, c.q, c.args)
		if err != nil || !strings.Contains(got, c.want) || c.sorted && sorted(got) {
			t.Errorf("plan of %s: %s (%v), want %s", c.q, got, err, c.want)
		}
	}
}

// TestUnusedContentIsFoundByIndex checks that a sweep, for which uploads wait, does not read the rows of all content.
func TestUnusedContentIsFoundByIndex(t *testing.T) {
	d, err := Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "index.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, c := range []struct {
		q, want string
		args    []any
	}{
		{unusedBlobs(blobOpen), "blobs USING INDEX blobs_open (since<?)", []any{1, 10}},
		{unusedBlobs(blobAgain), "blobs USING INDEX blobs_again (since<?)", []any{1, 10}},
		{settleUsed, "blobs USING INDEX blobs_open (since<?)", []any{1}},
	} {
		got, err := planOf(t, d, c.q, c.args)
		if err != nil || !strings.HasPrefix(got, "SEARCH "+c.want) || sorted(got) {
			t.Errorf("plan of %s: %s (%v), want %s", c.q, got, err, c.want)
		}
	}
}

func planOf(t *testing.T, d *DB, q string, args []any) (string, error) {
	t.Helper()
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
	return strings.Join(plan, "; "), err
}
