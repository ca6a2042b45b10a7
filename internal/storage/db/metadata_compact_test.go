package db

import (
	"fmt"
	"reflect"
	"testing"

	"pyindex/internal/packaging"
)

// TestCompactMetadata checks that the documents of an older version, of every shape, are the same after they were
// moved, that files share equal ones, and that a document goes with the last file that has it.
func TestCompactMetadata(t *testing.T) {
	for name, fresh := range map[string]func(*testing.T) string{"sqlite": freshSQLite, "postgres": freshPostgres} {
		t.Run(name, func(t *testing.T) {
			d := openAt(t, fresh(t), Options{})
			want := addOldDocuments(t, d)
			var told int64
			if err := d.CompactMetadata(t.Context(), func(n int64) { told = n }); err != nil {
				t.Fatal(err)
			}
			err := d.view(t.Context(), func(tx *Tx) error {
				for id, m := range want {
					got, err := tx.Metadata(t.Context(), id)
					if err != nil || !reflect.DeepEqual(got, m) {
						t.Errorf("metadata of %s = %v, %v, want %v", id, got, err, m)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if told != int64(len(want)) {
				t.Errorf("%d documents were moved, want %d", told, len(want))
			}
			for q, n := range map[string]int{
				`SELECT COUNT(*) FROM file_metadata`:    0,
				`SELECT COUNT(*) FROM release_metadata`: 6, // two files of each release share one
				`SELECT COUNT(*) FROM metadata_bases`:   3, // long documents that begin differently share none
			} {
				if got := countOf(t, d, q); got != n {
					t.Errorf("%s = %d, want %d", q, got, n)
				}
			}
			err = d.update(t.Context(), func(tx *Tx) error {
				for id := range want {
					if err := tx.DeleteFile(t.Context(), id); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if n := countOf(t, d, `SELECT (SELECT COUNT(*) FROM release_metadata) + (SELECT COUNT(*) FROM metadata_bases)`); n != 0 {
				t.Errorf("%d rows of metadata remain without files", n)
			}
		})
	}
}

func countOf(t *testing.T, d *DB, q string) (n int) {
	t.Helper()
	err := d.view(t.Context(), func(tx *Tx) (err error) {
		n, err = one(t.Context(), tx, "number", scanCount, q)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// addOldDocuments adds six releases of a project with two files each, as a version before release_metadata did.
func addOldDocuments(t *testing.T, d *DB) map[string]packaging.Metadata {
	t.Helper()
	ctx, out := t.Context(), map[string]packaging.Metadata{}
	long := ""
	for i := range 9000 {
		long += fmt.Sprintf("line %d of a long description é\n", i*i)
	}
	documents := []packaging.Metadata{
		{MetadataVersion: "2.1", Name: "p", Version: "1", Description: "short"},
		{MetadataVersion: "2.1", Name: "p", Version: "2", Description: "short"},
		{Name: "p", Version: "3", Description: long, Classifiers: []string{"A :: B"}},
		{Name: "p", Version: "4", Description: "x" + long},
		{},
		{Name: "<\u2028&\"\\", Summary: "\t", Dynamic: []string{""}},
	}
	err := d.update(ctx, func(tx *Tx) error {
		if _, err := tx.exec(ctx, `INSERT INTO projects (id, repository_id, name, display, status, status_reason, serial, size,
			created_at) SELECT 'p', id, 'p', 'p', 'active', '', 1, 0, 1 FROM repositories`); err != nil {
			return err
		}
		for i, m := range documents {
			release := fmt.Sprint("r", i)
			if _, err := tx.exec(ctx, `INSERT INTO releases (id, project_id, version, version_key, created_at)
				VALUES ($1, 'p', $1, $1, 1)`, release); err != nil {
				return err
			}
			document, err := encodeAny(m)
			if err != nil {
				return err
			}
			for _, id := range []string{release + "a", release + "b"} {
				out[id] = m
				if _, err := tx.exec(ctx, `INSERT INTO files (id, repository_id, project_id, release_id, filename, name_key, kind,
					version, python_version, size, md5, sha256, blake2b_256, metadata_sha256, requires_python, comment, yanked,
					yanked_reason, uploaded_at, uploader_kind, uploader_id, uploader_name, uploader_token_id)
					SELECT $1, id, 'p', $2, $1, $1, 'sdist', '1', 'source', 1, '', $1, '', '', '', '', FALSE, '', 1, '', '', '', ''
					FROM repositories`, id, release); err != nil {
					return err
				}
				if _, err := tx.exec(ctx, `INSERT INTO file_metadata (file_id, metadata_version, summary, document)
					VALUES ($1, '', '', $2)`, id, document); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
