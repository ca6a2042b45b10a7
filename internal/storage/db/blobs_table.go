package db

// Numbers of the migrations of blobs: of their columns, and of what they do not need any more.
const (
	blobsVersion = 52
	leanVersion  = 59
)

// sqliteLean drops the index of content that is not being dropped, and adds the digest of the words of a card that are in
// the full-text index. A migration that changes the full-text index must empty it.
var sqliteLean = []string{
	`DROP INDEX blobs_live`,
	`ALTER TABLE project_cards ADD COLUMN words TEXT NOT NULL DEFAULT ''`,
}

// sqliteBlobs stores the digest of a row once in the table and once in an index, instead of twice in each. PostgreSQL
// keeps its table, because replicas of an older version write the key. The other tables lose an index of their own.
var sqliteBlobs = []string{
	`CREATE TABLE blobs_by_digest (
		part        TEXT NOT NULL,
		sha256      TEXT NOT NULL,
		generation  TEXT NOT NULL DEFAULT '',
		holds       BIGINT NOT NULL,
		since       BIGINT NOT NULL,
		settled     BOOLEAN NOT NULL,
		dropping    BOOLEAN NOT NULL,
		owner       TEXT NOT NULL DEFAULT '',
		named_until BIGINT NOT NULL DEFAULT 0,
		blob_key    TEXT NOT NULL GENERATED ALWAYS AS (part || '/' || substr(sha256, 1, 2) || '/' || sha256
			|| CASE WHEN generation = '' THEN '' ELSE '.' || generation END) VIRTUAL,
		PRIMARY KEY (part, sha256, generation)
	) WITHOUT ROWID`,
	`INSERT INTO blobs_by_digest (part, sha256, generation, holds, since, settled, dropping, owner, named_until)
		SELECT part, sha256, generation, holds, since, settled, dropping, owner, named_until FROM blobs
		ORDER BY part, sha256, generation`,
	`DROP TABLE blobs`,
	`ALTER TABLE blobs_by_digest RENAME TO blobs`,
	`CREATE INDEX blobs_open ON blobs (since) WHERE NOT settled`,
	`CREATE UNIQUE INDEX blobs_live ON blobs (part, sha256) WHERE NOT dropping`,
	`CREATE INDEX blobs_spent ON blobs (since) WHERE dropping`,

	`CREATE TABLE clustered_requirements (
		project_id    TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
		position      BIGINT NOT NULL,
		repository_id TEXT NOT NULL,
		name          TEXT NOT NULL,
		requirement   TEXT NOT NULL,
		PRIMARY KEY (project_id, position)
	) WITHOUT ROWID`,
	`INSERT INTO clustered_requirements (project_id, position, repository_id, name, requirement)
		SELECT project_id, position, repository_id, name, requirement FROM requirements ORDER BY project_id, position`,
	`DROP TABLE requirements`,
	`ALTER TABLE clustered_requirements RENAME TO requirements`,
	`CREATE INDEX requirements_name ON requirements (repository_id, name, project_id)`,

	`CREATE TABLE clustered_grants (
		user_id       TEXT NOT NULL REFERENCES users (id),
		repository_id TEXT NOT NULL REFERENCES repositories (id),
		project_id    TEXT NOT NULL,
		role          TEXT NOT NULL,
		created_at    BIGINT NOT NULL,
		PRIMARY KEY (user_id, repository_id, project_id)
	) WITHOUT ROWID`,
	`INSERT INTO clustered_grants (user_id, repository_id, project_id, role, created_at)
		SELECT user_id, repository_id, project_id, role, created_at FROM grants ORDER BY user_id, repository_id, project_id`,
	`DROP TABLE grants`,
	`ALTER TABLE clustered_grants RENAME TO grants`,
	`CREATE INDEX grants_project ON grants (project_id)`,
}
