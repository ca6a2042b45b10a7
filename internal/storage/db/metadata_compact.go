package db

import (
	"context"
	"fmt"
	"time"
)

// compactFiles limits the files of one transaction of CompactMetadata, so that uploads wait for milliseconds.
const compactFiles = 200

// CompactMetadata moves the documents of files that an older version added from file_metadata to the rows that the
// files of a release share, a few at a time. Everything can be read meanwhile, and an interrupted call is continued by
// the next one. progress is called with the number of moved documents. The database reuses the space; a SQLite file
// gets smaller only if VACUUM rewrites it.
func (d *DB) CompactMetadata(ctx context.Context, progress func(moved int64)) error {
	none, err := d.compact(ctx)
	if err != nil || none {
		return err
	}
	var moved int64
	for from := ""; ; {
		began := time.Now()
		var n int64
		var done bool
		err := d.update(ctx, func(t *Tx) (err error) {
			n, from, done, err = t.compactMetadata(ctx, from)
			return err
		})
		if err != nil {
			return err
		}
		if moved += n; n > 0 && progress != nil {
			progress(moved)
		}
		if done {
			return nil
		}
		if err := pause(ctx, time.Since(began)/2); err != nil { // others write meanwhile
			return err
		}
	}
}

// compact reports whether all documents are moved already.
func (d *DB) compact(ctx context.Context) (none bool, err error) {
	err = d.view(ctx, func(t *Tx) error {
		some, err := many(ctx, t, scanCount, `SELECT 1 FROM file_metadata LIMIT 1`)
		none = len(some) == 0
		return err
	})
	return none, err
}

// oldDocument is a file whose document is in file_metadata.
type oldDocument struct{ id, releaseID, document string }

// selectFirst selects the first row of file_metadata from an id on, with the project of the file.
const selectFirst = `SELECT m.file_id, f.project_id FROM file_metadata m JOIN files f ON f.id = m.file_id
	WHERE m.file_id >= $1 ORDER BY m.file_id LIMIT 1`

// compactMetadata moves documents of one project: that of the first file from an id on, which it returns. Its rows may
// remain, so the next call begins with it.
func (t *Tx) compactMetadata(ctx context.Context, from string) (n int64, first string, done bool, err error) {
	var project string
	found, err := many(ctx, t, func(r row) (struct{}, error) { return struct{}{}, r.Scan(&first, &project) },
		selectFirst, from)
	if err != nil || len(found) == 0 {
		return 0, from, true, err
	}
	scan := func(r row) (f oldDocument, err error) {
		err = r.Scan(&f.id, &f.releaseID, &f.document)
		return f, err
	}
	files, err := many(ctx, t, scan, fmt.Sprintf(`SELECT f.id, f.release_id, m.document FROM files f
		JOIN file_metadata m ON m.file_id = f.id WHERE f.project_id = $1 AND f.metadata_number = %d
		ORDER BY f.uploaded_at, f.id LIMIT %d`, unkept, compactFiles), project)
	if err != nil {
		return 0, first, false, err
	}
	for _, f := range files {
		k, err := t.keep(ctx, project, f.releaseID, f.document)
		if err == nil {
			err = t.store(ctx, k)
		}
		if err == nil {
			_, err = t.exec(ctx, `UPDATE files SET metadata_number = $2 WHERE id = $1`, f.id, k.number)
		}
		if err == nil {
			_, err = t.exec(ctx, `DELETE FROM file_metadata WHERE file_id = $1`, f.id)
		}
		if err != nil {
			return 0, first, false, err
		}
	}
	if len(files) == 0 { // only rows of files that were moved already: none are needed
		_, err = t.exec(ctx, `DELETE FROM file_metadata WHERE file_id IN (SELECT id FROM files
			WHERE project_id = $1 AND metadata_number >= 0)`, project)
	}
	return int64(len(files)), first, false, err
}
