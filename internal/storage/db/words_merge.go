package db

import "context"

// mergeVersion is the number of the migration after which the program merges the full-text index of SQLite, and an upload
// writes one page less.
const mergeVersion = 60

const (
	// wordsAMerge is the number of changes of the full-text index between two steps of merging.
	wordsAMerge = 4

	// pagesAMerge limits the pages that a step writes. Each word is written again about six times in an index of millions,
	// so these are a few more than four changes need.
	pagesAMerge = 32
)

// sqliteMerge ends FTS5's own merging, which writes hundreds of pages of a large index in every 64th change. A merge joins
// eight segments, so that a search reads at most about eight of each size. Past marks of the serial lose an index that
// repeats their table.
var sqliteMerge = []string{
	`INSERT INTO project_text (project_text, rank) VALUES ('automerge', 0)`,
	`INSERT INTO project_text (project_text, rank) VALUES ('usermerge', 8)`,

	`CREATE TABLE clustered_marks (
		slot  BIGINT NOT NULL PRIMARY KEY,
		value BIGINT NOT NULL,
		mark  BIGINT NOT NULL
	) WITHOUT ROWID`,
	`INSERT INTO clustered_marks (slot, value, mark) SELECT slot, value, mark FROM serial_marks ORDER BY slot`,
	`DROP TABLE serial_marks`,
	`ALTER TABLE clustered_marks RENAME TO serial_marks`,
	`CREATE INDEX serial_marks_mark ON serial_marks (mark)`,
}

// mergeWords does a small step of merging the full-text index, in the transaction of every fourth change. A step continues
// the one before, also that of another process.
func (t *Tx) mergeWords(ctx context.Context) error {
	if t.db.wordsPut.Add(1)%wordsAMerge != 0 {
		return nil
	}
	_, err := t.exec(ctx, `INSERT OR REPLACE INTO project_text (project_text, rank) VALUES ('merge', $1)`, int64(pagesAMerge))
	return err
}
