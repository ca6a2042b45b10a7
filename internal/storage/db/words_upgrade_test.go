package db

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pyindex/internal/browse"
	"pyindex/internal/catalog"
)

// TestWordsOfBefore checks the search of an index whose projects were indexed by an older version: they are found by
// their cards, they are listed for indexing until that was done, and again if a program of that version changes them
// meanwhile.
func TestWordsOfBefore(t *testing.T) {
	oldWords := map[string]string{
		"sqlite": `INSERT INTO project_text (rowid, name, summary, keywords, people, classifiers, body)
			VALUES (1, 'demo demo demo', 'Works with Node.js', '', 'Zoë', '', 'async/await')`,
		"postgres": `UPDATE project_cards SET document = setweight(to_tsvector('simple', 'demo demo demo'), 'A')
			|| setweight(to_tsvector('simple', 'Works with Node.js'), 'B') || setweight(to_tsvector('simple', 'async/await'), 'D')`,
	}
	for database, fresh := range map[string]func(*testing.T) string{"sqlite": emptySQLite, "postgres": freshPostgres} {
		t.Run(database, func(t *testing.T) {
			url := fresh(t)
			old, err := connect(url, Options{}.filled())
			if err != nil {
				t.Fatal(err)
			}
			p, err := old.provider()
			if err == nil {
				_, err = p.UpTo(t.Context(), wordsVersion-1)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range []string{
				`INSERT INTO repositories (id, name, members, public, created_at) VALUES ('r', 'main', 'uploader', TRUE, 1)`,
				`INSERT INTO projects (id, repository_id, name, display, status, status_reason, serial, size, created_at)
					VALUES ('p', 'r', 'demo', 'demo', 'active', '', 1, 0, 100)`,
				`INSERT INTO releases (id, project_id, version, version_key, created_at) VALUES ('x', 'p', '1.0', '1', 100)`,
				`INSERT INTO project_cards (project_id, repository_id, number, name, display, status, summary, version, yanked, source_kind,
					released_at, pythons, license, classifiers, attested, uploader_kind, uploader_name)
					VALUES ('p', 'r', 1, 'demo', 'demo', 'active', 'Works with Node.js', '1.0', FALSE, 'bdist_wheel', 100, ' 3.12 ', 'mit', '', FALSE, '', '')`,
				oldWords[database],
			} {
				if _, err := old.write.ExecContext(t.Context(), q); err != nil {
					t.Fatalf("%s: %v", q, err)
				}
			}
			old.Close()

			d := openAt(t, url, Options{})
			expect := func(when string, pending []string, words ...string) {
				t.Helper()
				err := d.view(t.Context(), func(tx *Tx) error {
					got, err := tx.WithoutCards(t.Context(), "", 10)
					if !slices.Equal(got, pending) {
						t.Errorf("%s: projects to index: %q, want %q", when, got, pending)
					}
					for _, w := range words {
						q := browse.SearchQuery{RepositoryID: "r", Words: catalog.Words(w), Limit: 10}
						if cards, n, err := tx.Search(t.Context(), q); err != nil || n != 1 || cards[0].Name != "demo" {
							t.Errorf("%s: searching %q finds %v, %v", when, w, cards, err)
						}
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			expect("before", []string{"p"}, "demo", "works")
			put := func(version string) {
				err := d.update(t.Context(), func(tx *Tx) error {
					c, err := tx.CardOf(t.Context(), "p")
					if err != nil {
						return err
					}
					c.Version = version
					return tx.PutCard(t.Context(), c, catalog.CardText{People: "Zoë", Body: "async/await"})
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			put("1.0")
			expect("after", nil, "demo", "works", "node.js", "js", "await", "zoe")
			if _, err := d.write.ExecContext(context.Background(), `UPDATE project_cards SET version = '2.0'`); err != nil {
				t.Fatal(err)
			}
			expect("changed by an old program", []string{"p"}, "node.js")
			put("2.0")
			expect("at the end", nil, fmt.Sprint("node", ".js"))
		})
	}
}
