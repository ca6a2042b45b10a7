package db

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3"

	"pyindex/internal/packaging"
)

// metadataVersion is the number of the migration that creates the tables of documents.
const metadataVersion = 50

// metadataTables returns the statements of that migration. Files that were uploaded before keep their document in
// file_metadata until CompactMetadata has moved it, and files of replicas of older versions are added there.
func (d dialect) metadataTables() []string {
	return []string{
		// The documents that those of a project's releases are similar to, deflated.
		`CREATE TABLE metadata_bases (
			project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
			number     BIGINT NOT NULL,
			document   BYTEA NOT NULL,
			PRIMARY KEY (project_id, number)
		)`,
		// The documents of a release, each once: its files often have the same one. They are deflated with a base as
		// dictionary, or empty if they are equal to it.
		`CREATE TABLE release_metadata (
			release_id TEXT NOT NULL REFERENCES releases (id) ON DELETE CASCADE,
			number     BIGINT NOT NULL,
			base       BIGINT NOT NULL,
			document   BYTEA NOT NULL,
			PRIMARY KEY (release_id, number)
		)` + d.clustered,
		`ALTER TABLE files ADD COLUMN metadata_number BIGINT NOT NULL DEFAULT -1`,
	}
}

// unkept is the metadata_number of a file whose document is in file_metadata.
const unkept = -1

// considered limits the documents of a release that a new one is compared with, newest first.
const considered = 8

// keeping is the decision how a document is stored.
type keeping struct {
	number, base         int64
	document             []byte // nil if the release has the document
	baseText             []byte // nil if the project has the base
	projectID, releaseID string
}

// keptDocument is a document of a release with its base. number is unkept for the base alone.
type keptDocument struct {
	number, base    int64
	text, baseBytes []byte
}

// selectNear selects the newest documents of a release, and the newest base of its project.
var selectNear = fmt.Sprintf(`SELECT number, base, document, base_document FROM (
		SELECT m.number, m.base, m.document, b.document AS base_document FROM release_metadata m
		JOIN metadata_bases b ON b.project_id = $1 AND b.number = m.base
		WHERE m.release_id = $2 ORDER BY m.number DESC LIMIT %d) near
	UNION ALL SELECT %d, number, document, document FROM (
		SELECT number, document FROM metadata_bases WHERE project_id = $1 ORDER BY number DESC LIMIT 1) newest`,
	considered, unkept)

// keep decides how the document of a file of a release is stored. store writes it.
func (t *Tx) keep(ctx context.Context, projectID, releaseID, document string) (k keeping, err error) {
	scan := func(r row) (d keptDocument, err error) {
		err = r.Scan(&d.number, &d.base, &d.text, &d.baseBytes)
		return d, err
	}
	near, err := many(ctx, t, scan, selectNear, projectID, releaseID)
	if err != nil {
		return k, err
	}
	k = keeping{base: unkept, projectID: projectID, releaseID: releaseID}
	var base []byte
	inflated := int64(unkept) // the number of base
	for _, d := range near {
		if d.base != inflated { // most documents of a release have the same one
			if base, err = inflate(d.baseBytes, common); err != nil {
				return k, err
			}
			inflated = d.base
		}
		if d.number == unkept { // the last row
			k.base = d.base
			break
		}
		k.number = max(k.number, d.number+1)
		text, err := inflateOn(d.text, base)
		if err != nil {
			return k, err
		}
		if string(text) == document {
			k.number = d.number
			return k, nil
		}
	}
	k.put([]byte(document), base)
	return k, nil
}

// put sets the stored form of a document that the release does not have.
func (k *keeping) put(document, base []byte) {
	if k.document, k.baseText = PackMetadata(document, base); k.baseText != nil {
		k.base++
	}
}

// PackMetadata returns the stored form of a document: its difference from the newest base of its project, nil for none.
// If it differs too much, it is a new base, whose stored form is returned too.
func PackMetadata(document, base []byte) (packed, newBase []byte) {
	if base != nil {
		if string(base) == string(document) {
			return []byte{}, nil
		}
		packed = deflate(document, base)
		if len(packed) < len(document)/6 {
			return packed, nil
		}
	}
	whole := deflate(document, common)
	if base != nil && len(packed) < len(whole)*3/4 {
		return packed, nil
	}
	return []byte{}, whole
}

// store writes what keep decided, after the row of the file.
func (t *Tx) store(ctx context.Context, k keeping) error {
	if k.baseText != nil {
		_, err := t.exec(ctx, `INSERT INTO metadata_bases (project_id, number, document) VALUES ($1, $2, $3)`,
			k.projectID, k.base, k.baseText)
		if err != nil {
			return err
		}
	}
	if k.document == nil {
		return nil
	}
	_, err := t.exec(ctx, `INSERT INTO release_metadata (release_id, number, base, document) VALUES ($1, $2, $3, $4)`,
		k.releaseID, k.number, k.base, k.document)
	return err
}

// selectDocument selects the document of the file $1 and its base.
const selectDocument = `SELECT m.document, b.document FROM files f
	JOIN release_metadata m ON m.release_id = f.release_id AND m.number = f.metadata_number
	JOIN metadata_bases b ON b.project_id = f.project_id AND b.number = m.base WHERE f.id = $1`

// Metadata implements catalog.Tx.
func (t *Tx) Metadata(ctx context.Context, fileID string) (m packaging.Metadata, err error) {
	scan := func(r row) (text string, err error) {
		var document, base []byte
		if err := r.Scan(&document, &base); err != nil {
			return "", err
		}
		return whole(document, base)
	}
	some, err := many(ctx, t, scan, selectDocument, fileID)
	if err != nil {
		return m, err
	}
	if len(some) > 0 {
		return m, decode(some[0], &m)
	}
	text, err := one(ctx, t, "file", scanText, `SELECT document FROM file_metadata WHERE file_id = $1`, fileID)
	if err != nil {
		return m, err
	}
	return m, decode(text, &m)
}

// whole returns a document from its stored form and that of its base.
func whole(document, base []byte) (string, error) {
	text, err := inflate(base, common)
	if err == nil {
		text, err = inflateOn(document, text)
	}
	return string(text), err
}

// inflateOn reverses put for a base in full.
func inflateOn(document, base []byte) ([]byte, error) {
	if len(document) == 0 {
		return base, nil
	}
	return inflate(document, base)
}

// unkeep deletes the document of a file that is about to be deleted or to get another one, unless other files of its
// release have it, and the bases that no document needs then.
func (t *Tx) unkeep(ctx context.Context, fileID string) error {
	gone, err := t.did(ctx, `DELETE FROM release_metadata WHERE release_id = (SELECT release_id FROM files WHERE id = $1)
		AND number = (SELECT metadata_number FROM files WHERE id = $1)
		AND NOT EXISTS (SELECT 1 FROM files o WHERE o.release_id = release_metadata.release_id
			AND o.metadata_number = release_metadata.number AND o.id <> $1)`, fileID)
	if err != nil || !gone {
		return err
	}
	return t.dropBases(ctx, `(SELECT project_id FROM files WHERE id = $1)`, fileID)
}

// dropBases deletes the bases of a project that no document needs. project is a trusted expression for its id, of $1.
func (t *Tx) dropBases(ctx context.Context, project, arg string) error {
	_, err := t.exec(ctx, `DELETE FROM metadata_bases WHERE project_id = `+project+` AND NOT EXISTS (
		SELECT 1 FROM releases r JOIN release_metadata m ON m.release_id = r.id
		WHERE r.project_id = metadata_bases.project_id AND m.base = metadata_bases.number)`, arg)
	return err
}

func (d dialect) metadataMigration() *goose.Migration {
	return statements(metadataVersion, d.metadataTables())
}
