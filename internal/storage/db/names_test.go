package db

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

// TestNamesOfBefore checks that the names of an index without a table of names come from its projects, audit log and
// deleted files.
func TestNamesOfBefore(t *testing.T) {
	for database, fresh := range map[string]func(*testing.T) string{"sqlite": emptySQLite, "postgres": freshPostgres} {
		t.Run(database, func(t *testing.T) {
			url := fresh(t)
			old, err := connect(url, Options{}.filled())
			if err != nil {
				t.Fatal(err)
			}
			p, err := old.provider()
			if err == nil {
				_, err = p.UpTo(t.Context(), 20)
			}
			if err != nil {
				t.Fatal(err)
			}
			entry := func(id string, at int, action, outcome, actor, repository, project string) string {
				return fmt.Sprintf(`INSERT INTO audit (id, at, action, outcome, actor_kind, actor_id, actor_name, token_id, address, request_id, repository_id, project, version, filename, subject, detail) VALUES ('%s', %d, '%s', '%s', 'user', 'id-%s', '%s', '', '', '', '%s', '%s', '', '', '', '{}')`,
					id, at, action, outcome, actor, actor, repository, project)
			}
			for _, q := range []string{
				`INSERT INTO repositories (id, name, members, public, created_at) VALUES ('r1', 'main', 'uploader', TRUE, 1), ('r2', 'team', 'none', FALSE, 1)`,
				`INSERT INTO projects (id, repository_id, name, display, status, status_reason, serial, size, created_at) VALUES
					('p1', 'r1', 'there', 'there', 'active', '', 1, 0, 100), ('p2', 'r2', 'there', 'there', 'active', '', 1, 0, 50), ('p3', 'r1', 'again', 'again', 'active', '', 1, 0, 700)`,
				entry("1", 200, "project.create", "granted", "ann", "r1", "gone"),
				entry("2", 150, "project.create", "refused", "eve", "r1", "never"),
				entry("3", 300, "project.delete", "granted", "ann", "r1", "gone"),
				entry("4", 400, "project.delete", "refused", "eve", "r1", "there"),
				entry("5", 500, "project.create", "granted", "bob", "r1", "again"),
				entry("6", 600, "project.delete", "granted", "bob", "r1", "again"),
				entry("7", 700, "project.create", "granted", "eve", "r1", "again"),
				entry("8", 800, "project.delete", "granted", "ann", "r0", "lost"),
				`INSERT INTO audit (id, at, action, outcome, actor_kind, actor_id, actor_name, token_id, address, request_id, repository_id, project, version, filename, subject, detail) VALUES ('9', 900, 'repository.remove', 'granted', 'operator', '', 'root', '', '', '', 'r0', '', '', '', 'old', '{}')`,
				`INSERT INTO tombstones (repository_id, name_key, filename, deleted_at) VALUES ('r2', 'only_files-1-py3-none-any.whl', 'only_files-1.0-py3-none-any.whl', 250),
					('r2', 'only_files-2.tar.gz', 'only-files-2.0.tar.gz', 260), ('r1', 'there-1.tar.gz', 'there-1.tar.gz', 270), ('r1', 'gone-1.tar.gz', 'gone-1.tar.gz', 300)`,
			} {
				if _, err := old.write.ExecContext(t.Context(), q); err != nil {
					t.Fatalf("%s: %v", q, err)
				}
			}
			old.Close()

			d := openAt(t, url, Options{})
			err = d.view(t.Context(), func(tx *Tx) error {
				names, err := tx.Names(t.Context(), "", 100)
				if err != nil {
					return err
				}
				var got []string
				for _, n := range names {
					got = append(got, fmt.Sprint(n.Name, " ", n.Origin, " ", n.Since.UnixMicro(), " ", n.By.Name))
				}
				slices.Sort(got)
				want := []string{"again own 500 bob", "gone own 200 ann", "lost own 800 ", "only-files own 260 ", "there own 50 "}
				if !slices.Equal(got, want) {
					t.Errorf("the names are\n%q, want\n%q", got, want)
				}
				deleted, err := tx.DeletedProjects(t.Context())
				got = nil
				for _, x := range deleted {
					if x.FreeAt.Sub(x.At) != catalog.KeepName {
						t.Errorf("%s is free %v after its deletion, want %v", x.Name, x.FreeAt.Sub(x.At), catalog.KeepName)
					}
					got = append(got,
						fmt.Sprint(x.Repository, " ", x.Name, " ", x.At.UnixMicro(), " ", micros(x.AgainAt), " ", x.Users))
				}
				slices.Sort(got)
				want = []string{
					"main again 600 700 [id-bob]", "main gone 300 0 [id-ann]", "old lost 800 0 [id-ann]", "team only-files 260 0 []",
				}
				if !slices.Equal(got, want) {
					t.Errorf("the deleted projects are\n%q, want\n%q", got, want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestMoveNames: what was deleted is kept on the other database too.
func TestMoveNames(t *testing.T) {
	from, to := openAt(t, freshSQLite(t), Options{}), openAt(t, freshPostgres(t), Options{})
	name, err := packaging.ParseProjectName("demo")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	d := catalog.Deleted{
		Repository: "main",
		Name:       name,
		At:         at,
		FreeAt:     at.Add(catalog.KeepName),
		Users:      []string{"u"},
		Groups:     []string{"g"},
	}
	err = from.update(t.Context(), func(tx *Tx) error {
		if err := tx.PutName(t.Context(),
			catalog.Name{Name: name, Origin: catalog.Own, Since: at, Why: "project"}); err != nil {
			return err
		}
		return tx.PutDeleted(t.Context(), d)
	})
	if err == nil {
		_, err = from.Move(t.Context(), to, keepNothing)
	}
	if err != nil {
		t.Fatal(err)
	}
	err = to.view(t.Context(), func(tx *Tx) error {
		got, err := tx.DeletedNamed(t.Context(), "main", name)
		if fmt.Sprint(got) != fmt.Sprint(d) {
			t.Errorf("DeletedNamed() on the new database = %+v, want %+v", got, d)
		}
		if err == nil {
			_, err = tx.NameOf(t.Context(), name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
