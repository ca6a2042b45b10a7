package db

import (
	"fmt"
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
		asked = 0
		none := browse.SearchQuery{RepositoryID: "r", Words: []string{"zzz"}, Limit: 10}
		for range 2 {
			if _, n, err := tx.Search(ctx, none); err != nil || n != 0 {
				t.Errorf("Search of a word that no project has finds %d, %v", n, err)
			}
			if rows, err := tx.FacetRows(ctx, none); err != nil || len(rows) != 0 {
				t.Errorf("FacetRows of a word that no project has = %v, %v", rows, err)
			}
		}
		if asked != 2 {
			t.Errorf("the index was searched %d times for a word that no project has, want 2", asked)
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

// TestSomeNamesAreScored checks that only projects with other names than the query are compared by how they match, if there
// are several, and only by relevance.
func TestSomeNamesAreScored(t *testing.T) {
	ctx, scored := t.Context(), 0
	d := openAt(t, freshSQLite(t), Options{Hook: func(s Step, do func() error) error {
		if strings.HasPrefix(s.SQL, `SELECT c.number, CASE`) {
			scored++
		}
		return do()
	}})
	err := d.update(ctx, func(tx *Tx) error {
		for i := range 32 {
			name := fmt.Sprintf("acme-%02d", i)
			if i >= 30 {
				name = fmt.Sprintf("other-%d", i)
			}
			if _, err := tx.exec(ctx, `INSERT INTO projects (id, repository_id, name, display, status, status_reason, serial,
				size, created_at) SELECT $1, id, $1, $1, 'active', '', 1, 0, 1 FROM repositories`, name); err != nil {
				return err
			}
			words := []string{"tools", "acme", "acme one"}[max(0, i-29)]
			if err := tx.PutCard(ctx, catalog.Card{ProjectID: name, RepositoryID: "r", Name: name, Status: catalog.Active},
				catalog.CardText{Body: words}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		q     browse.SearchQuery
		found int
		want  int
	}{
		{"names alone", browse.SearchQuery{Words: []string{"tools"}, Name: "acme"}, 30, 0},
		{"names and two others", browse.SearchQuery{Words: []string{"acme"}, Name: "acme"}, 32, 1},
		{"names and one other", browse.SearchQuery{Words: []string{"one"}, Name: "acme"}, 1, 0},
		{"others", browse.SearchQuery{Words: []string{"acme"}}, 32, 1},
		{"by name", browse.SearchQuery{Words: []string{"acme"}, Name: "acme", Sort: browse.ByName}, 32, 0},
		{"by time", browse.SearchQuery{Words: []string{"acme"}, Name: "acme", Sort: browse.ByNewest}, 32, 0},
	} {
		scored = 0
		c.q.RepositoryID, c.q.Limit, c.q.Offset = "r", 5, 5
		err := d.view(ctx, func(tx *Tx) error {
			_, n, err := tx.Search(ctx, c.q)
			if n != c.found {
				t.Errorf("%s: Search finds %d, want %d", c.name, n, c.found)
			}
			return err
		})
		if err != nil || scored != c.want {
			t.Errorf("%s: hits were scored %d times, %v, want %d", c.name, scored, err, c.want)
		}
	}
}

// TestSameWordsAreIndexedOnce: a card with the same words does not change the full-text index. One with other words does,
// in any column, and so does one of a project that was deleted and created again.
func TestSameWordsAreIndexedOnce(t *testing.T) {
	ctx, wrote := t.Context(), 0
	d := openAt(t, freshSQLite(t), Options{Hook: func(s Step, do func() error) error {
		if strings.HasPrefix(s.SQL, `INSERT INTO project_text`) {
			wrote++
		}
		return do()
	}})
	project := func(tx *Tx) error {
		_, err := tx.exec(ctx, `INSERT INTO projects (id, repository_id, name, display, status, status_reason, serial,
			size, created_at) SELECT 'p', id, 'p', 'p', 'active', '', 1, 0, 1 FROM repositories`)
		return err
	}
	if err := d.update(ctx, project); err != nil {
		t.Fatal(err)
	}
	found := func(word string) (n int) {
		err := d.view(ctx, func(tx *Tx) (err error) {
			_, n, err = tx.Search(ctx, browse.SearchQuery{RepositoryID: "r", Words: []string{word}, Limit: 10})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, c := range []struct {
		why, summary, body, version string
		writes                      int
		finds, not                  string
	}{
		{"first", "apple", "pear", "1.0", 1, "apple", "plum"},
		{"same words", "apple", "pear", "2.0", 0, "pear", "plum"},
		{"same words in another order", "apple", "pear pear", "2.0", 0, "pear", "plum"},
		{"other body", "apple", "plum", "2.0", 1, "plum", "pear"},
		{"word in another column", "plum", "apple", "2.0", 1, "apple", "pear"},
		{"the first again", "apple", "pear", "1.0", 1, "pear", "plum"},
		{"nothing", "", "", "1.0", 1, "p", "apple"},
	} {
		wrote = 0
		err := d.update(ctx, func(tx *Tx) error {
			return tx.PutCard(ctx, catalog.Card{
				ProjectID: "p", RepositoryID: "r", Name: "p", Status: catalog.Active, Summary: c.summary, Version: c.version,
			}, catalog.CardText{Body: c.body})
		})
		if err != nil {
			t.Fatal(err)
		}
		if wrote != c.writes {
			t.Errorf("%s: the index was written %d times, want %d", c.why, wrote, c.writes)
		}
		if found(c.finds) != 1 || found(c.not) != 0 {
			t.Errorf("%s: finds %q %d times and %q %d times, want 1 and 0", c.why, c.finds, found(c.finds), c.not, found(c.not))
		}
	}
	wrote = 0
	err := d.update(ctx, func(tx *Tx) error {
		if err := tx.DeleteCard(ctx, "p"); err != nil {
			return err
		}
		c := catalog.Card{ProjectID: "p", RepositoryID: "r", Name: "p", Status: catalog.Active}
		return tx.PutCard(ctx, c, catalog.CardText{})
	})
	if err != nil || wrote != 1 || found("p") != 1 {
		t.Errorf("after a deletion: %v, written %d times, found %d times", err, wrote, found("p"))
	}
}

// TestSameRequirementsAreWrittenOnce: a card that requires what it did writes nothing. One that requires something else,
// less, nothing, or in another order does.
func TestSameRequirementsAreWrittenOnce(t *testing.T) {
	ctx, wrote := t.Context(), 0
	d := openAt(t, freshSQLite(t), Options{Hook: func(s Step, do func() error) error {
		if strings.HasPrefix(s.SQL, `INSERT INTO requirements`) || strings.HasPrefix(s.SQL, `DELETE FROM requirements`) {
			wrote++
		}
		return do()
	}})
	err := d.update(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, `INSERT INTO projects (id, repository_id, name, display, status, status_reason, serial,
			size, created_at) SELECT 'p', id, 'p', 'p', 'active', '', 1, 0, 1 FROM repositories`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	a, b, newer := catalog.Required{Name: "a", Text: "a"}, catalog.Required{Name: "b", Text: "b"},
		catalog.Required{Name: "a", Text: "a>2"}
	for _, put := range []struct {
		what       string
		repository string
		required   []catalog.Required
		want       int // statements that write
	}{
		{"nothing", "r", nil, 0},
		{"two", "r", []catalog.Required{a, b}, 3},
		{"the same", "r", []catalog.Required{a, b}, 0},
		{"another order", "r", []catalog.Required{b, a}, 3},
		{"another text", "r", []catalog.Required{b, newer}, 3},
		{"another repository", "s", []catalog.Required{b, newer}, 3},
		{"less", "s", []catalog.Required{b}, 2},
		{"none", "s", nil, 1},
		{"none again", "s", nil, 0},
	} {
		wrote = 0
		var rows []string
		err := d.update(ctx, func(tx *Tx) (err error) {
			if err := tx.PutRequirements(ctx, catalog.Card{ProjectID: "p", RepositoryID: put.repository}, put.required); err != nil {
				return err
			}
			rows, err = many(ctx, tx, scanText, `SELECT repository_id || name || requirement FROM requirements ORDER BY position`)
			return err
		})
		if err != nil || wrote != put.want {
			t.Errorf("%s: %d statements wrote, %v, want %d", put.what, wrote, err, put.want)
		}
		var want []string
		for _, q := range put.required {
			want = append(want, put.repository+q.Name+q.Text)
		}
		if strings.Join(rows, " ") != strings.Join(want, " ") {
			t.Errorf("%s: the rows are %v, want %v", put.what, rows, want)
		}
	}
}
