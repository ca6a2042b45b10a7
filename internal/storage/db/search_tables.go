package db

import (
	"context"
	"database/sql"
	"slices"

	"github.com/pressly/goose/v3"
)

// Numbers of the migrations that create the search tables, and that prepare them for words cut by catalog.Words. They
// differ between the databases, because each has its own full-text index.
const (
	searchVersion = 9
	wordsVersion  = 28
)

// cardTables are the same on both databases: project cards for lists, and the requirements of the latest release.
var cardTables = []string{
	`CREATE TABLE project_cards (
		project_id    TEXT NOT NULL PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
		repository_id TEXT NOT NULL,
		number        BIGINT NOT NULL UNIQUE,
		name          TEXT NOT NULL,
		display       TEXT NOT NULL,
		status        TEXT NOT NULL,
		summary       TEXT NOT NULL,
		version       TEXT NOT NULL,
		yanked        BOOLEAN NOT NULL,
		source_kind   TEXT NOT NULL,
		released_at   BIGINT NOT NULL,
		pythons       TEXT NOT NULL,
		license       TEXT NOT NULL,
		classifiers   TEXT NOT NULL,
		attested      BOOLEAN NOT NULL,
		uploader_kind TEXT NOT NULL,
		uploader_name TEXT NOT NULL
	)`,
	`CREATE INDEX project_cards_name ON project_cards (repository_id, name)`,
	`CREATE INDEX project_cards_released ON project_cards (repository_id, released_at)`,
	`CREATE TABLE requirements (
		project_id    TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
		position      BIGINT NOT NULL,
		repository_id TEXT NOT NULL,
		name          TEXT NOT NULL,
		requirement   TEXT NOT NULL,
		PRIMARY KEY (project_id, position)
	)`,
	`CREATE INDEX requirements_name ON requirements (repository_id, name, project_id)`,
}

// sqliteText creates the FTS5 index without a copy of the texts. A trigger removes the rows of deleted projects.
var sqliteText = []string{
	`CREATE VIRTUAL TABLE project_text USING fts5(name, summary, keywords, people, classifiers, body,
		content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2', prefix='2 3')`,
	`CREATE TRIGGER project_cards_gone AFTER DELETE ON project_cards BEGIN DELETE FROM project_text WHERE rowid = OLD.number; END`,
}

var postgresText = []string{
	`ALTER TABLE project_cards ADD COLUMN document tsvector`,
	`CREATE INDEX project_cards_document ON project_cards USING GIN (document)`,
}

// cardColumns28 are added to cards on both databases. Cards with the default of indexed are indexed again in the
// background.
var cardColumns28 = []string{
	`ALTER TABLE project_cards ADD COLUMN indexed TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE project_cards ADD COLUMN license_key TEXT NOT NULL DEFAULT ''`,
	`UPDATE project_cards SET license_key = LOWER(license)`,
}

// sqliteWords replaces the FTS5 index. All words are in ASCII or beyond it, so its tokenizer does not depend on an old
// version of Unicode. Until they are indexed again, projects are found by what is on their cards.
var sqliteWords = []string{
	`DROP TABLE project_text`,
	`CREATE VIRTUAL TABLE project_text USING fts5(name, summary, keywords, people, classifiers, body,
		content='', contentless_delete=1, tokenize='ascii', prefix='2 3')`,
	`INSERT INTO project_text (rowid, name, summary, keywords, people, classifiers, body)
		SELECT number, name || ' ' || display || ' ' || REPLACE(name, '-', ''), summary, '', '', classifiers, '' FROM project_cards`,
}

// searchMigrations returns the migrations of the search.
func (d dialect) searchMigrations() []*goose.Migration {
	return []*goose.Migration{
		statements(searchVersion, cardTables, d.text),
		statements(wordsVersion, cardColumns28, d.words),
		d.metadataMigration(),
		statements(blobsVersion, d.blobs),
		statements(marksVersion, grantMarks, d.marks),
		statements(leanVersion, d.lean),
		statements(mergeVersion, d.merge),
	}
}

// statements returns a migration that runs statements.
func statements(version int64, groups ...[]string) *goose.Migration {
	up := func(ctx context.Context, tx *sql.Tx) error {
		for _, q := range slices.Concat(groups...) {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return nil
	}
	return goose.NewGoMigration(version, &goose.GoFunc{RunTx: up}, nil)
}
