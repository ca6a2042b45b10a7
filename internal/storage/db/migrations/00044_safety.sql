-- Backups and the leases that hold back deletions; imports, with what is known about the files that they brought.

-- +goose Up

-- While a lease is alive, no stored content is deleted. Its holder renews it; it is dead once ends_at has passed.
CREATE TABLE leases (
    name    TEXT NOT NULL PRIMARY KEY,
    holder  TEXT NOT NULL,
    since   BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);

-- Finished backups. at is the time of the snapshot. The content of one with rows_only stays in the store and is kept there
-- until the backup is forgotten.
CREATE TABLE backups (
    id           TEXT NOT NULL PRIMARY KEY,
    place        TEXT NOT NULL,
    at           BIGINT NOT NULL,
    finished_at  BIGINT NOT NULL,
    serial       BIGINT NOT NULL,
    objects      BIGINT NOT NULL,
    bytes        BIGINT NOT NULL,
    rows_only    BOOLEAN NOT NULL,
    forgotten_at BIGINT NOT NULL
);
CREATE INDEX backups_at ON backups (at);

-- An import into a repository: the same kind and source again continues it. options and summary are JSON.
CREATE TABLE imports (
    id            TEXT NOT NULL PRIMARY KEY,
    kind          TEXT NOT NULL,
    source        TEXT NOT NULL,
    repository_id TEXT NOT NULL,
    options       TEXT NOT NULL,
    by_kind       TEXT NOT NULL,
    by_id         TEXT NOT NULL,
    by_name       TEXT NOT NULL,
    started_at    BIGINT NOT NULL,
    finished_at   BIGINT NOT NULL,
    summary       TEXT NOT NULL
);
CREATE INDEX imports_source ON imports (repository_id, kind, source);

-- The outcome of each file of an import. place identifies the file in its source. state is 'done', 'present', 'conflict' or
-- 'refused'.
CREATE TABLE import_files (
    import_id TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    place     TEXT NOT NULL,
    state     TEXT NOT NULL,
    filename  TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    reason    TEXT NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (import_id, place)
);

-- Files that an import brought. time_trust says how well the time of the upload is known: 'stated', 'latest' (not later
-- than it) or 'guessed'. uploader is the one that the source named. legacy files are served, but are no precedent for an
-- upload. digest_stated says that the content has the digest that the source stated.
CREATE TABLE file_origins (
    file_id       TEXT NOT NULL PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE,
    import_id     TEXT NOT NULL,
    source        TEXT NOT NULL,
    time_trust    TEXT NOT NULL,
    uploader      TEXT NOT NULL,
    legacy        BOOLEAN NOT NULL,
    digest_stated BOOLEAN NOT NULL
);
CREATE INDEX file_origins_import ON file_origins (import_id);

-- The downloads that a project had in the index that it came from, when they were counted.
CREATE TABLE download_bases (
    project_id TEXT NOT NULL PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    source     TEXT NOT NULL,
    counted_at BIGINT NOT NULL,
    downloads  BIGINT NOT NULL
);
