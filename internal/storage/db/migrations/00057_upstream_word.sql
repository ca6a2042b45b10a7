-- What is remembered of what upstreams say: the files that left their pages, the start-up files in wheels, and who
-- downloaded what.

-- +goose Up

-- The files that left the page of a project, and since when the project is away or has returned with other files: a
-- record of package page. Unlike upstream_pages, these rows are not lost, since they hold files back.
CREATE TABLE upstream_left (
    upstream TEXT NOT NULL,
    name     TEXT NOT NULL,
    of_url   BIGINT NOT NULL,
    record   BYTEA NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (upstream, name)
);

-- What was found when the content of a wheel was examined for start-up files, as JSON; '' if it was not examined.
ALTER TABLE upstream_files ADD COLUMN startup TEXT NOT NULL DEFAULT '';

-- Who downloaded which file, by day (microseconds of its beginning, UTC). upstream is '' for files of this index. Anonymous
-- callers share one row, with an empty reader_id. Replicas add to the same row.
CREATE TABLE file_readers (
    day         BIGINT NOT NULL,
    reader_kind TEXT NOT NULL,
    reader_id   TEXT NOT NULL,
    reader_name TEXT NOT NULL,
    repository  TEXT NOT NULL,
    upstream    TEXT NOT NULL,
    project     TEXT NOT NULL,
    version     TEXT NOT NULL,
    filename    TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    first_at    BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    downloads   BIGINT NOT NULL,
    PRIMARY KEY (day, reader_kind, reader_id, repository, upstream, filename, sha256)
);
CREATE INDEX file_readers_project ON file_readers (project, version);
CREATE INDEX file_readers_sha256 ON file_readers (sha256);
