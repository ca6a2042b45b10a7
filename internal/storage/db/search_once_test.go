package db

import (
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/browse"
	"pyindex/internal/catalog"
)

// TestSearchMatchesOnce checks that a page of results with its facets asks the full-text index what it finds only once
// for whole words and once for prefixes, but again for another query in the same view.
func TestSearchMatchesOnce(t *testing.T) {
	ctx, asked := t.Context(), 0
	d, err := Open(ctx, "sqlite://"+filepath.Join(t.TempDir(), "index.db"), Options{
		Hook: func(s Step, do func() error) error {
			if strings.HasPrefix(s.SQL, selectHit+` FROM project_text`) {
				asked++
			}
			return do()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.update(ctx, func(tx *Tx) error {
		if _, err := tx.exec(ctx, `INSERT INTO projects (id, repository_id, name, display, status, status_reason, serial,
			size, created_at) SELECT 'p', id, 'p', 'p', 'active', '', 1, 0, 1 FROM repositories`); err != nil {
			return err
		}
		return tx.PutCard(ctx, catalog.Card{ProjectID: "p", RepositoryID: "r", Name: "p", Status: catalog.Active},
			catalog.CardText{Body: "words"})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = d.view(ctx, func(tx *Tx) error {
		q := browse.SearchQuery{RepositoryID: "r", Words: []string{"wor"}, Limit: 10}
		_, n, err := tx.Search(ctx, q)
		if err != nil || n != 1 {
			t.Errorf("Search finds %d, %v", n, err)
		}
		if rows, err := tx.FacetRows(ctx, q); err != nil || len(rows) != 1 {
			t.Errorf("FacetRows = %v, %v", rows, err)
		}
		if _, err := tx.OwnerCounts(ctx, q, 10); err != nil {
			t.Error(err)
		}
		if asked != 2 {
			t.Errorf("the index was searched %d times, want 2", asked)
		}
		q.ProjectIDs = []string{} // not nil, which means all
		if rows, err := tx.FacetRows(ctx, q); err != nil || len(rows) != 0 {
			t.Errorf("FacetRows of no projects = %v, %v", rows, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
