package db

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pyindex/internal/browse"
	"pyindex/internal/catalog"
)

// TestNoChangeMergesMuch: no change of the full-text index writes many pages to the log at once, its segments stay few, and
// all words are found.
func TestNoChangeMergesMuch(t *testing.T) {
	const cards, most = 700, 120
	ctx := t.Context()
	d := openAt(t, freshSQLite(t), Options{})
	if _, err := d.write.Exec(`PRAGMA synchronous = OFF`); err != nil {
		t.Fatal(err)
	}
	largest := int64(0)
	for i := range cards {
		before := d.pendingPages()
		if err := d.update(ctx, func(tx *Tx) error { return putWordsOf(ctx, tx, i) }); err != nil {
			t.Fatal(err)
		}
		largest = max(largest, d.pendingPages()-before)
	}
	if largest > most {
		t.Errorf("one change wrote %d pages, want at most %d", largest, most)
	}
	err := d.view(ctx, func(tx *Tx) error {
		for _, i := range []int{0, 1, cards / 2, cards - 1} {
			q := browse.SearchQuery{RepositoryID: "r", Words: []string{fmt.Sprintf("a%dx7", i)}, Limit: 10}
			if _, n, err := tx.Search(ctx, q); err != nil || n != 1 {
				t.Errorf("search for a word of the card %d found %d, %v, want 1", i, n, err)
			}
		}
		segments, err := one(ctx, tx, "number", scanCount, `SELECT COUNT(DISTINCT segid) FROM project_text_idx`)
		if err != nil || segments > 60 {
			t.Errorf("the full-text index has %d segments, %v, want at most 60", segments, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// putWordsOf adds a project and its card with words of its own, which need several pages of the full-text index.
func putWordsOf(ctx context.Context, tx *Tx, i int) error {
	var body strings.Builder
	for j := range 400 {
		fmt.Fprintf(&body, "a%dx%d ", i, j)
	}
	id := fmt.Sprintf("p%d", i)
	if _, err := tx.exec(ctx, `INSERT INTO projects (id, repository_id, name, display, status, status_reason, serial,
		size, created_at) SELECT $1, id, $1, $1, 'active', '', 1, 0, 1 FROM repositories`, id); err != nil {
		return err
	}
	return tx.PutCard(ctx, catalog.Card{ProjectID: id, RepositoryID: "r", Name: id, Status: catalog.Active},
		catalog.CardText{Body: body.String()})
}
