-- Feeds of advisories in the OSV format, and what their records state.

-- +goose Up

-- settings is JSON, with the keys of the configuration file. holder has the lease of an import until held_until.
CREATE TABLE feeds (
    name          TEXT NOT NULL PRIMARY KEY,
    settings      TEXT NOT NULL,
    declared      BOOLEAN NOT NULL,
    revision      BIGINT NOT NULL,
    records       BIGINT NOT NULL,
    malware       BIGINT NOT NULL,
    broken        BIGINT NOT NULL,
    broken_names  TEXT NOT NULL,
    origin        TEXT NOT NULL,
    newest        BIGINT NOT NULL,
    imported_at   BIGINT NOT NULL,
    checked_at    BIGINT NOT NULL,
    tried_at      BIGINT NOT NULL,
    failures      BIGINT NOT NULL,
    problem       TEXT NOT NULL,
    etag          TEXT NOT NULL,
    last_modified TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    holder        TEXT NOT NULL,
    held_until    BIGINT NOT NULL
);

-- What a record states about one project. A row counts for revision R of its feed if since <= R and (ended = 0 or
-- ended > R). record is packed; see package advisory.
CREATE TABLE advisories (
    feed    TEXT NOT NULL,
    name    TEXT NOT NULL,
    id      TEXT NOT NULL,
    since   BIGINT NOT NULL,
    ended   BIGINT NOT NULL,
    digest  TEXT NOT NULL,
    malware BOOLEAN NOT NULL,
    record  BYTEA NOT NULL,
    PRIMARY KEY (feed, name, id, since)
);
CREATE INDEX advisories_id ON advisories (id);
